import t from 'tap';
import { createRescale, hasRowScales, keepingScales } from '#halflight/model/rescale.js';
import { CpuOps } from '#halflight/ops/cpu.js';
import { scaleAt } from '#halflight/quant/affine.js';
import { parseQuantization } from '#halflight/quant/formats.js';
import { sliceRows } from '#halflight/quant/rows.js';
import { quantizeRtn } from '#halflight/quant/rtn.js';

const INT8 = parseQuantization('int8');
const MATRIX = { name: 'a.weight', file: 'f', rows: 2, outputStep: 0.25 };

t.test('sums in units of both scales become codes of the output’s step', (t) => {
  const { table, weightScales } = createRescale(new CpuOps(), {
    matrices: [MATRIX],
    inputStep: 0.125,
    weightScales: Float32Array.of(0.5, 0.03125),
    bias: Float32Array.of(-1, 0.5),
  });
  // 0.5 · 0.125 / 0.25 = 0.25, and 0.03125 · 0.125 / 0.25 = 2^−6; biases are −1 / 2^−4 and 0.5 / 2^−8.
  const bits = new Uint32Array(Float32Array.of(0.25).buffer)[0];
  t.strictSame([...table.data], [2 ** 30, 1, 2 ** 32 - 16, bits, 2 ** 30, 5, 128, bits]);
  t.strictSame([...weightScales.data], [0.5, 0.03125]);
  t.end();
});

t.test('a row of zeros gives its bias', (t) => {
  const inputs = { matrices: [{ ...MATRIX, rows: 1 }], inputStep: 1, bias: Float32Array.of(0.5) };
  const { table } = createRescale(new CpuOps(), { ...inputs, weightScales: Float32Array.of(0) });
  t.strictSame([...table.data.slice(0, 3)], [2 ** 30, 0, 4]);
  t.end();
});

t.test('a negative scale has codes of the other sign', (t) => {
  const inputs = { matrices: [{ ...MATRIX, rows: 1 }], inputStep: 0.125, bias: Float32Array.of(-1) };
  const { table } = createRescale(new CpuOps(), { ...inputs, weightScales: Float32Array.of(-0.5) });
  t.strictSame([...table.data], [2 ** 30, 1, 16, new Uint32Array(Float32Array.of(-0.25).buffer)[0]]);
  t.end();
});

t.test('an output whose step is finer than its sums is refused', (t) => {
  const inputs = { matrices: [MATRIX], inputStep: 1, bias: null };
  t.throws(() => createRescale(new CpuOps(), { ...inputs, weightScales: Float32Array.of(0.1, 0.25) }), {
    name: 'CheckpointError',
    message: /a\.weight.*row 1/,
  });
  t.end();
});

t.test('scales are kept as rows are read, whatever their order', async (t) => {
  const packed = quantizeRtn(Float32Array.of(127, -254, 12.7, 381), 4, 1, INT8);
  const source = {
    format: INT8,
    rows: 4,
    cols: 1,
    read: async (start: number, count: number) => sliceRows(packed, start, count),
  };
  const scales = new Float32Array(8);
  const [first, second] = keepingScales([source, source], scales);
  await second.read(2, 2);
  await first.read(0, 4);
  const own = Array.from({ length: 4 }, (_, row) => scaleAt(packed, row));
  t.strictSame([...scales], [...own, 0, 0, ...own.slice(2)]);
});

t.test('only symmetric integers with a scale for each row are rescaled', (t) => {
  t.ok(hasRowScales(INT8));
  t.notOk(hasRowScales(parseQuantization('int8-g128')));
  t.notOk(hasRowScales({ ...INT8, zeroPoints: true }));
  t.notOk(hasRowScales({ ...INT8, scaleType: null }));
  t.end();
});

import t from 'tap';
import { codeWords } from '#halflight/ops/int8.js';
import { FLOAT_FORMATS, parseQuantization } from '#halflight/quant/formats.js';
import { BY_TOKEN, type Rounding } from '#halflight/quant/rounding.js';
import { quantizeRtn } from '#halflight/quant/rtn.js';
import { WebGpuOps } from '#halflight/webgpu/ops.js';
import { quantizeDispatch } from '#halflight/webgpu/quantize-dispatch.js';
import { testDevice } from '../support/device.js';
import { Random } from '../support/random.js';

t.setTimeout(280_000);
const device = await testDevice();
t.teardown(() => device.destroy());
const ops = new WebGpuOps(device, 'f32');

const COLS = 104;
const ROWS = 5;
const VALUES = new Random(3).values(ROWS * COLS);

/** Places of a block's codes, by the value they hold: bytes in order, or even values of each 8 first. */
const BYTE_OF = {
  int8: (k: number) => k,
  int4: (k: number) => (k % 2) * 16 + Math.floor(k / 8) * 4 + Math.floor((k % 8) / 2),
};

for (const name of ['int8', 'int4'] as const) {
  t.test(`rows are rounded to INT8 by blocks, laid out for ${name}`, async (t) => {
    const { words, greatest } = await quantized(name);
    const bytes = new Int8Array(words.buffer);
    const scales = new Float32Array(words.buffer);
    for (let row = 0; row < ROWS; row++) {
      for (let k = 0; k < COLS; k++) {
        const block = Math.floor(k / 32);
        const start = (row * words.length * 4) / ROWS;
        const scale = scales[start / 4 + 4 * 8 + block];
        // Division on a GPU may be off by 2.5 units in the last place of f32, and the scale and the quotient are one division each.
        t.ok(Math.abs(scale / (greatest(row, block) / 127) - 1) < 1e-6);
        const code = bytes[start + block * 32 + BYTE_OF[name](k % 32)];
        const distance = Math.abs(code - VALUES[row * COLS + k] / scale);
        // Half a code, and 127 codes times the relative error above.
        if (distance > 0.5 + 2e-4) t.fail(`row ${row}, value ${k}: ${code} is ${distance} off`);
      }
    }
  });
}

t.test('a weight of floats is refused: it has no integers to multiply with', (t) => {
  const tensor = ops.tensor(1, 32, 'f32', 'activations');
  const args = { x: tensor, codes: tensor, format: FLOAT_FORMATS.bf16, rows: 1 };
  t.throws(() => quantizeDispatch(args, 8), { name: 'RangeError', message: /bf16/ });
  t.end();
});

async function quantized(name: 'int8' | 'int4') {
  const weight = ops.weight([packed(name)]);
  const x = ops.tensor(ROWS, COLS, 'f32', 'activations');
  ops.write(x, VALUES);
  const codes = ops.tensor(ROWS, codeWords(COLS), 'u32', 'activations');
  const out = ops.tensor(ROWS, 1, 'f32', 'activations');
  ops.linear({ x, weight, bias: null, out, rows: ROWS, accumulate: false, codes });
  const { words } = await ops.readWords({ ...codes, cols: codes.stride }, ROWS);
  const greatest = (row: number, block: number) => {
    const from = row * COLS + block * 32;
    return Math.max(...VALUES.subarray(from, Math.min(from + 32, (row + 1) * COLS)).map(Math.abs));
  };
  return { words, greatest };
}

function packed(name: 'int8' | 'int4') {
  return quantizeRtn(new Float32Array(COLS), 1, COLS, parseQuantization(name));
}

t.test('a row by tokens is a workgroup’s, of one static scale lanes are of blocks', (t) => {
  const tensor = ops.tensor(ROWS, 640, 'f32', 'activations');
  const args = { x: tensor, codes: tensor, format: parseQuantization('int8'), rows: ROWS };
  const of = (rounding: Rounding) => quantizeDispatch({ ...args, rounding }, 8);
  t.match(of(BY_TOKEN), { spec: { kernel: 'quantize_tokens' }, grid: [1, ROWS, 1] });
  t.match(of({ scale: 0.5, outliers: null }), {
    spec: { kernel: 'quantize_rows', constants: { STATIC: 1 } },
    grid: [3, ROWS, 1],
  });
  t.match(of({ ...BY_TOKEN, outliers: 6 }), { spec: { constants: { OUTLIERS: 6 } } });
  t.end();
});

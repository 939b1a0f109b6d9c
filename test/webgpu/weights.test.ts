import t from 'tap';
import type { WeightPart } from '#halflight/ops/ops.js';
import { dequantize } from '#halflight/quant/formats.js';
import type { PackedWeight } from '#halflight/quant/weight.js';
import { splitRows, weightConstants, weightShape } from '#halflight/webgpu/weights.js';
import { Random } from '../support/random.js';
import { colsFor, OTHER_FORMATS, randomWeight, WEIGHT_FORMATS } from '../support/weights.js';

/** A part as the shaders' parameters see it: its buffers do not matter. */
function partOf({ format, rows, cols }: PackedWeight): WeightPart<GPUBuffer> {
  return { format, rows, cols, rowStart: 0, scales: null, zeros: null } as Partial<
    WeightPart<GPUBuffer>
  > as WeightPart<GPUBuffer>;
}

t.test('the shape counts blocks and groups in a row', (t) => {
  const shapeOf = (format: string) => weightShape(partOf(randomWeight(new Random(1), format, 2, 200)));
  t.strictSame(shapeOf('bf16'), [7, 0]);
  t.strictSame(shapeOf('int8'), [7, 1]);
  t.strictSame(shapeOf('int4-g32'), [7, 7]);
  t.strictSame(shapeOf('int4-g128'), [7, 2]);
  t.end();
});

t.test('constants say how scales and zero points are stored', (t) => {
  const constantsOf = (format: string) =>
    weightConstants(partOf(randomWeight(new Random(1), format, 1, colsFor(format, 32))));
  t.strictSame(constantsOf('f16'), {});
  t.strictSame(constantsOf('q4_k'), {});
  t.strictSame(constantsOf('iq4_xs'), { SCALE_BITS: 160, GROUP_BLOCKS: 8 });
  t.strictSame(constantsOf('mxfp4'), { SCALE_BITS: 8, GROUP_BLOCKS: 1 });
  t.strictSame(constantsOf('int8'), { SCALE_BITS: 32, GROUP_BLOCKS: 0, ZERO_POINTS: 0 });
  t.strictSame(constantsOf('int4-g32'), { SCALE_BITS: 16, GROUP_BLOCKS: 1, ZERO_POINTS: 0 });
  t.strictSame(constantsOf('int4-g32-asym'), { SCALE_BITS: 16, GROUP_BLOCKS: 1, ZERO_POINTS: 1 });
  t.end();
});

for (const format of Object.keys({ ...WEIGHT_FORMATS, ...OTHER_FORMATS })) {
  t.test(`${format} split by rows keeps every number, each piece within the limit`, (t) => {
    const weight = randomWeight(new Random(2), format, 7, colsFor(format, 96));
    const limit = (weight.codes.byteLength / 7) * 3;
    const pieces = splitRows(weight, limit);
    t.strictSame(
      pieces.map((piece) => piece.rows),
      [3, 3, 1],
    );
    t.ok(pieces.every((piece) => piece.codes.byteLength <= limit));
    t.strictSame(
      pieces.flatMap((piece) => [...dequantize(piece)]),
      [...dequantize(weight)],
    );
    t.end();
  });
}

t.test('rows that belong together stay together where so many fit', (t) => {
  const weight = randomWeight(new Random(5), 'int4-g32', 12, 64);
  const row = weight.codes.byteLength / 12;
  const sizes = (limit: number) => splitRows(weight, limit * row, 4).map((piece) => piece.rows);
  t.strictSame(sizes(7), [4, 4, 4]);
  t.strictSame(sizes(8), [8, 4]);
  t.strictSame(sizes(3), [3, 3, 3, 3], 'not even one fits whole');
  t.end();
});

t.test('a weight that fits stays whole', (t) => {
  const weight = randomWeight(new Random(3), 'int4-g32', 5, 64);
  t.equal(splitRows(weight, weight.codes.byteLength)[0], weight);
  t.equal(splitRows(weight, weight.codes.byteLength).length, 1);
  t.end();
});

t.test('a row that alone exceeds the limit is refused', (t) => {
  const weight = randomWeight(new Random(4), 'f32', 2, 64);
  t.throws(() => splitRows(weight, 64 * 4 - 1), RangeError);
  t.end();
});

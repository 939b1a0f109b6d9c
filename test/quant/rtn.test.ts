import fc from 'fast-check';
import t from 'tap';
import { scaleAt, zeroAt } from '#halflight/quant/affine.js';
import { dequantize, parseQuantization, QUANTIZATION_NAMES } from '#halflight/quant/formats.js';
import { f16Bits } from '#halflight/quant/half.js';
import { quantizeRtn } from '#halflight/quant/rtn.js';
import { groupsPerRow, isInteger, type PackedWeight } from '#halflight/quant/weight.js';

const INTEGERS = QUANTIZATION_NAMES.filter((name) => isInteger(parseQuantization(name)));

t.test('4-bit codes by hand: the largest magnitude takes code 0 and the padding takes code 8', (t) => {
  const weight = quantizeRtn(Float32Array.of(-8, -7, -1, 0, 1, 6, 7, 2, 3), 1, 9, parseQuantization('int4'));
  t.strictSame([...weight.codes], [0xafe98710, 0x8888888b, 0x88888888, 0x88888888]);
  t.strictSame([...(weight.scales ?? [])], [0x3c00]);
  t.equal(weight.zeros, null);
  t.end();
});

t.test('8-bit codes by hand: one f32 scale per row, code 128 is zero', (t) => {
  const weight = quantizeRtn(
    Float32Array.of(-128, 127, 0, 1, 256, -2, 0, 0),
    2,
    4,
    parseQuantization('int8'),
  );
  t.strictSame([...weight.codes.subarray(0, 2)], [0x8180ff00, 0x80808080]);
  t.strictSame([...weight.codes.subarray(8, 10)], [0x80808100, 0x80808080]);
  t.strictSame([...(weight.scales ?? [])], [0x3f800000, 0xc0000000]);
  t.end();
});

t.test(
  'asymmetric codes by hand: the range is spread over 15 steps and zero points are packed over the flat index',
  (t) => {
    const values = new Float32Array(2 * 32);
    values.set([-5, 10, 0, 1]);
    values.set([0, 15, 7, 2], 32);
    const weight = quantizeRtn(values, 2, 32, parseQuantization('int4-asym'));
    t.equal(weight.codes[0], 0x555565f0);
    t.equal(weight.codes[4], 0x000027f0);
    t.strictSame([...(weight.zeros ?? [])], [0x05]);
    t.strictSame([...(weight.scales ?? [])], [0x3c003c00]);
    t.end();
  },
);

t.test('the last group may be short, and two f16 scales share a word', (t) => {
  const values = new Float32Array(3 * 40).map((_, i) => (i % 40 < 32 ? -8 : -16));
  const weight = quantizeRtn(values, 3, 40, parseQuantization('int4-g32'));
  t.equal(weight.codes.length, 3 * 2 * 4);
  t.strictSame([...(weight.scales ?? [])], [0x40003c00, 0x40003c00, 0x40003c00]);
  t.strictSame(dequantize(weight), values);
  t.end();
});

/** Half a step, and what rounding the scale moves the outermost code by: half an ulp of its type for each step. */
function bound(weight: PackedWeight, group: number): number {
  const { bits, scaleType, zeroPoints } = weight.format;
  const step = Math.abs(scaleAt(weight, group));
  const steps = 2 ** (bits - (zeroPoints ? 0 : 1));
  const scaleError =
    scaleType === 'f16' ? Math.max(step * 2 ** -11, 2 ** -25) : Math.max(step * 2 ** -24, 2 ** -150);
  return step / 2 + steps * scaleError;
}

/** The half step more that clipping costs a number beyond the last code of a symmetric format. */
function clipping(weight: PackedWeight, group: number): number {
  return weight.format.zeroPoints ? 0 : Math.abs(scaleAt(weight, group)) / 2;
}

t.test(
  'each number comes back within half a step, or one step where the far end of a symmetric range is clipped',
  (t) => {
    const values = fc.array(fc.float({ min: -1000, max: 1000, noNaN: true }), {
      minLength: 1,
      maxLength: 300,
    });
    fc.assert(
      fc.property(
        fc.constantFrom(...INTEGERS),
        values,
        fc.integer({ min: 1, max: 3 }),
        (name, list, rows) => {
          const cols = Math.max(1, Math.floor(list.length / rows));
          const numRows = Math.min(rows, list.length);
          const matrix = Float32Array.from(list.slice(0, numRows * cols));
          const weight = quantizeRtn(matrix, numRows, cols, parseQuantization(name));
          const decoded = dequantize(weight);
          const groups = groupsPerRow(weight.format, cols);
          return matrix.every((value, i) => {
            const column = i % cols;
            const group =
              Math.floor(i / cols) * groups + Math.floor(column / (weight.format.groupSize ?? cols));
            const scale = scaleAt(weight, group);
            const clipped = value / scale > 2 ** (weight.format.bits - 1) - 1;
            const allowed = bound(weight, group) + (clipped ? clipping(weight, group) : 0);
            const f32Rounding = Math.max(Math.abs(decoded[i]) * 2 ** -24, 2 ** -150);
            return Math.abs(decoded[i] - value) <= allowed + f32Rounding;
          });
        },
      ),
      { numRuns: 500 },
    );
    t.end();
  },
);

t.test('quantizing what was decoded gives the same numbers', (t) => {
  for (const name of INTEGERS) {
    const format = parseQuantization(name);
    const values = Float32Array.from({ length: 4 * 96 }, (_, i) => Math.sin(i * 12.9898) * 3);
    const once = dequantize(quantizeRtn(values, 4, 96, format));
    const twice = dequantize(quantizeRtn(once, 4, 96, format));
    // The largest magnitude is exact in the symmetric formats, so the scale is found again.
    if (!format.zeroPoints) t.strictSame(twice, once, name);
    else
      t.ok(
        twice.every((value, i) => Math.abs(value - once[i]) < (1.25 * 6) / (2 ** format.bits - 1)),
        `${name}: about a step, of a range of 6`,
      );
  }
  t.end();
});

t.test('groups of zeros, and numbers too small for an f16 scale, decode to zero', (t) => {
  for (const name of INTEGERS) {
    const weight = quantizeRtn(new Float32Array(2 * 40), 2, 40, parseQuantization(name));
    t.ok(
      dequantize(weight).every((value) => value === 0),
      name,
    );
    t.equal(zeroAt(weight, 0) >= 0, true);
  }
  const tiny = quantizeRtn(Float32Array.of(1e-9, -1e-9), 1, 2, parseQuantization('int4'));
  t.ok(dequantize(tiny).every((value) => value === 0));
  t.end();
});

t.test('a number that is not finite, or too large for the scale, is named with its place', (t) => {
  const format = parseQuantization('int4-g32');
  const matrix = (row: number, column: number, value: number) => {
    const values = new Float32Array(2 * 40).fill(1);
    values[row * 40 + column] = value;
    return values;
  };
  const quantize = (value: number) => () =>
    quantizeRtn(matrix(1, 35, value), 2, 40, format, 'model.norm.weight');
  t.throws(quantize(Number.NaN), {
    name: 'UserError',
    message: /^model\.norm\.weight: row 1, column 35 is NaN: no/,
  });
  t.throws(quantize(Number.NEGATIVE_INFINITY), { name: 'UserError', message: /is -Infinity/ });
  t.throws(quantize(1e6), { name: 'UserError', message: /column 35 is 1000000: too large for an f16 scale/ });
  t.doesNotThrow(quantize(500_000));
  t.end();
});

t.test('misuse is refused', (t) => {
  const bf16 = { reader: 'bf16', bits: 16, groupSize: null, scaleType: null, zeroPoints: false } as const;
  t.throws(() => quantizeRtn(new Float32Array(4), 1, 4, bf16), { name: 'RangeError' });
  t.throws(() => quantizeRtn(new Float32Array(4), 1, 5, parseQuantization('int8')), { name: 'RangeError' });
  t.end();
});

t.test('the stored scale is the one that codes were computed with', (t) => {
  const weight = quantizeRtn(Float32Array.of(-0.3, 0.1), 1, 2, parseQuantization('int4'));
  t.equal(weight.scales?.[0], f16Bits(0.3 / 8));
  const decoded = dequantize(weight);
  t.equal(decoded[0], Math.fround(-8 * scaleAt(weight, 0)));
  t.end();
});

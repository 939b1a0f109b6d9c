import t from 'tap';
import { packedFormat } from '#halflight/checkpoint/gguf/repack.js';
import { type BlockRounding, roundBlocks } from '#halflight/quant/blocks.js';
import { dequantize } from '#halflight/quant/formats.js';
import { minimumsRounding, SIGNED_ROUNDING } from '#halflight/quant/super-fit.js';
import { Random } from '../support/random.js';

const TYPES = [
  ['Q4_K', minimumsRounding(4), 4],
  ['Q5_K', minimumsRounding(5), 5],
  ['Q6_K', SIGNED_ROUNDING, 6],
] as const;

function rounded(
  type: (typeof TYPES)[number][0],
  rounding: BlockRounding,
  values: Float32Array,
  importance: Float64Array | null = null,
): Float32Array {
  const shape = { rows: values.length / 256, cols: 256, format: packedFormat(type) };
  return dequantize(roundBlocks(values, shape, rounding, importance));
}

function errorOf(a: Float32Array, b: Float32Array, weights: (i: number) => number = () => 1): number {
  return a.reduce((sum, value, i) => sum + weights(i) * (value - b[i]) ** 2, 0);
}

t.test('numbers that a format can hold are kept', (t) => {
  for (const [type, rounding, bits] of TYPES) {
    // Every run holds its least code; of Q4_K and Q5_K also the greatest, and a minimum of two steps.
    const codes = Float32Array.from({ length: 256 }, (_, i) =>
      i % 16 === 0 ? 0 : (i * 7 + (i >> 5)) % 2 ** bits,
    );
    for (let run = 0; run < 8; run++) codes[32 * run + 1] = 2 ** bits - 1;
    const values = codes.map((code) => (type === 'Q6_K' ? (code - 32) * 2 ** -7 : (code - 2) * 2 ** -5 * 63));
    const got = rounded(type, rounding, values);
    // f16 scales round once, by 2⁻¹¹ at most, of numbers up to 64 steps.
    t.ok(
      got.every((value, i) => Math.abs(value - values[i]) <= 2 ** -10 * Math.max(...values)),
      type,
    );
  }
  t.end();
});

t.test('a bit more leaves less than a third of the squared error', (t) => {
  const values = new Random(3).values(1024);
  const errors = TYPES.map(([type, rounding]) => errorOf(rounded(type, rounding, values), values));
  t.ok(errors[0] > 3 * errors[1], `${errors}`);
  t.ok(errors[1] > 3 * errors[2] || errors[2] < errors[1], `${errors}`);
  // Sixteen codes over the range of 32 normal numbers, about 4 σ: steps of 0.27, whose mean square error is 0.27² / 12.
  t.ok(errors[0] / errorOf(values, new Float32Array(1024)) < 0.0075, `${errors}`);
  t.end();
});

t.test('what matters more is rounded more finely', (t) => {
  const values = new Random(4).values(2048);
  const importance = Float64Array.from({ length: 256 }, (_, k) => (k % 8 === 0 ? 50 : 1));
  const weigh = (i: number) => importance[i % 256];
  for (const [type, rounding] of TYPES) {
    const [plain, weighed] = [rounded(type, rounding, values), rounded(type, rounding, values, importance)];
    t.ok(errorOf(weighed, values, weigh) < errorOf(plain, values, weigh), type);
    t.ok(errorOf(weighed, values) > errorOf(plain, values), type);
  }
  t.end();
});

t.test('blocks of zeros, of one number, and with nothing that matters are rounded to numbers', (t) => {
  for (const [type, rounding] of TYPES) {
    t.ok(rounded(type, rounding, new Float32Array(256)).every((value) => value === 0));
    const same = new Float32Array(256).fill(-0.75);
    // An f16 scale of 7 bits' steps.
    t.ok(rounded(type, rounding, same).every((value) => Math.abs(value + 0.75) < 0.01));
    t.ok(rounded(type, rounding, same, new Float64Array(256)).every(Number.isFinite));
  }
  t.end();
});

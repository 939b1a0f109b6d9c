import t from 'tap';
import { codeWords, roundedRow, roundedToInt8 } from '#halflight/ops/int8.js';
import { BY_BLOCK, BY_TOKEN } from '#halflight/quant/rounding.js';

t.test('a row takes 8 words of codes and a scale for each block of 32', (t) => {
  t.strictSame([1, 32, 33, 576].map(codeWords), [9, 9, 18, 162]);
  t.end();
});

t.test('values go to the nearest code of the greatest one’s 127th part, ties to even', (t) => {
  const values = Float64Array.of(127, -127, 2.5, 3.5, -2.5, 0.4, 0);
  t.strictSame(
    [...roundedToInt8(values)],
    [127, -127, 2, 4, -2, 0, 0].map((code) => code + 0),
  );
  const scale = Math.fround(0.3 / 127);
  t.strictSame([...roundedToInt8(Float64Array.of(-0.3, 0.1))], [-127 * scale, 42 * scale]);
  t.end();
});

t.test('each block of a row has a scale of its own, the last one too, and zeros stay zeros', (t) => {
  const row = new Float64Array(70);
  row.set([254, 1.2], 32);
  row.set([12.7, 1.24], 64);
  const rounded = roundedRow(row, BY_BLOCK);
  t.strictSame([...rounded.subarray(0, 34)], [...new Float64Array(32), 254, 2]);
  const scale = Math.fround(12.7 / 127);
  t.strictSame([...rounded.subarray(64, 66)], [127 * scale, 12 * scale]);
  t.end();
});

t.test('by tokens a row has one scale, and outliers stay as they are and out of it', (t) => {
  const row = Float64Array.from({ length: 40 }, (_, k) => (k === 33 ? 8 : k === 1 ? -1.27 : 0.014));
  const whole = [...roundedRow(row, BY_TOKEN)];
  // In units of 8 / 127 = 0.063 most of it is nothing.
  t.ok(whole.every((value, k) => k === 33 || k === 1 || value === 0));
  const kept = roundedRow(row, { ...BY_TOKEN, outliers: 6 });
  t.equal(kept[33], 8);
  // The scale is an f32: 127 codes of it are off by 2⁻²⁴ of what they stand for.
  t.ok(Math.abs(kept[0] - 0.01) < 1e-8 && Math.abs(kept[1] + 1.27) < 1e-7);
  t.end();
});

t.test('a static scale cuts off what is beyond its codes', (t) => {
  const row = Float64Array.of(100, -100, 0.6, 0.75, -1.25);
  t.strictSame([...roundedRow(row, { scale: 0.5, outliers: null })], [63.5, -63.5, 0.5, 1, -1]);
  t.end();
});

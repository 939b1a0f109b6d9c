import t from 'tap';
import { INT4_GROUP, int4Words, roundedToInt4 } from '#halflight/ops/int4.js';

t.test('a head takes a word for each 64 values and one for each eight', (t) => {
  t.strictSame([4, 40, 64, 80, 128].map(int4Words), [2, 6, 9, 12, 18]);
  t.end();
});

t.test('values go to the nearest of 16 from the least to the greatest, ties to the even code', (t) => {
  const values = Float64Array.of(-3, 27, 0, 2, 4, -1.9, 9.2);
  t.strictSame([...roundedToInt4(values)], [-3, 27, 1, 1, 5, -1, 9]);
  t.end();
});

t.test('scale and minimum are f16, and codes are chosen by these', (t) => {
  // 1 + 2⁻¹² is 1 in f16; 15 · (1/8 + 2⁻¹⁵) has the scale 1/8.
  const values = Float64Array.of(1 + 2 ** -12, 1 + 2 ** -12 + 15 * (1 / 8 + 2 ** -15));
  t.strictSame([...roundedToInt4(values)], [1, 1 + 15 / 8]);
  t.end();
});

t.test('each group of 64 has a scale and a minimum of its own, the last one too', (t) => {
  const values = new Float64Array(INT4_GROUP + 4);
  values.set([30, 2.9], 0);
  values.set([-1, 14, 0.4, 0.6], INT4_GROUP);
  const rounded = roundedToInt4(values);
  t.strictSame([...rounded.subarray(0, 3)], [30, 2, 0]);
  t.strictSame([...rounded.subarray(INT4_GROUP)], [-1, 14, 0, 1]);
  t.end();
});

t.test('values that are all the same stay what they are in f16', (t) => {
  t.strictSame([...roundedToInt4(new Float64Array(3).fill(-0.1))], new Array(3).fill(-1638 / 2 ** 14));
  t.strictSame([...roundedToInt4(new Float64Array(3))], [0, 0, 0]);
  t.end();
});

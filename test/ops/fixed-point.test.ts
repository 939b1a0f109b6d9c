import t from 'tap';
import { fixedPoint, rescaled } from '#halflight/ops/fixed-point.js';

t.test('a number is a fraction of at least a half and a shift', (t) => {
  t.strictSame(fixedPoint(0.5), { multiplier: 2 ** 30, shift: 0 });
  t.strictSame(fixedPoint(0.75), { multiplier: 3 * 2 ** 29, shift: 0 });
  t.strictSame(fixedPoint(0.0390625), { multiplier: 5 * 2 ** 28, shift: 4 });
  // 0.3 · 2^32 is 1288490188.8.
  t.strictSame(fixedPoint(0.3), { multiplier: 1288490189, shift: 1 });
  t.end();
});

t.test('what rounds up to a power of two is that, and just below 1 the greatest fraction', (t) => {
  t.strictSame(fixedPoint(0.25 - 2 ** -40), { multiplier: 2 ** 30, shift: 1 });
  t.strictSame(fixedPoint(1 - 2 ** -40), { multiplier: 2 ** 31 - 1, shift: 0 });
  t.end();
});

t.test('numbers that are no fraction are refused', (t) => {
  for (const value of [0, 1, -0.5, Number.NaN, Number.POSITIVE_INFINITY])
    t.throws(() => fixedPoint(value), { name: 'RangeError' }, String(value));
  t.end();
});

t.test('halves of the product go up, halves of the shift away from zero', (t) => {
  const half = { multiplier: 2 ** 30, shift: 0 };
  // 1.5 → 2, 0.5 → 1, −0.5 → 0, −1.5 → −1.
  t.strictSame(
    [3, 1, -1, -3].map((sum) => rescaled(sum, half)),
    [2, 1, 0, -1],
  );
  // 0.75 of 4, −4 and 6, −6 is 3, −3, 4.5 → 5 and −4.5 → −4; the shift makes 1.5 → 2, −1.5 → −2, 2.5 → 3 and −2 of them.
  t.strictSame(
    [4, -4, 6, -6].map((sum) => rescaled(sum, { multiplier: 3 * 2 ** 29, shift: 1 })),
    [2, -2, 3, -2],
  );
  t.end();
});

t.test('two roundings may differ from one: 0.49 of a unit becomes one where its half is a half', (t) => {
  // 1 · 0.625 → 1, then 1 / 2 → 1, where 0.3125 would be 0.
  t.equal(rescaled(1, { multiplier: 5 * 2 ** 28, shift: 1 }), 1);
  t.end();
});

t.test('codes end at ±127, also for the greatest sums', (t) => {
  const most = { multiplier: 2 ** 31 - 1, shift: 0 };
  t.strictSame(
    [127, 128, 2 ** 31 - 1, -127, -128, -(2 ** 31)].map((sum) => rescaled(sum, most)),
    [127, 127, 127, -127, -127, -127],
  );
  // 2^31 − 1 by (1 − 2^−31) is 2147483646.0…: by 2^24, 127.99…→ 128.
  t.equal(rescaled(2 ** 31 - 1, { ...most, shift: 25 }), 64);
  t.end();
});

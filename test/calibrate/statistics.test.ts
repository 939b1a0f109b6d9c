import t from 'tap';
import { estimate, quantileOf } from '#halflight/calibrate/statistics.js';

t.test('a mean has the standard error of the sample', (t) => {
  // Deviations −2, −1, 3: variance 14 / 2, over 3 values.
  const { mean, standardError } = estimate([1, 2, 6]);
  t.equal(mean, 3);
  t.ok(Math.abs(standardError - Math.sqrt(7 / 3)) < 1e-12, 'a few f64 roundings');
  t.strictSame(estimate([5]), { mean: 5, standardError: Number.NaN });
  t.end();
});

t.test('the error of a share p of n is √(p (1 − p) / (n − 1))', (t) => {
  const { mean, standardError } = estimate([1, 1, 1, 0]);
  t.equal(mean, 0.75);
  t.ok(Math.abs(standardError - Math.sqrt((0.75 * 0.25) / 3)) < 1e-12, 'a few f64 roundings');
  t.end();
});

t.test('quantiles are interpolated between neighbours', (t) => {
  t.equal(quantileOf([7], 0.99), 7);
  t.equal(quantileOf([0, 1, 2, 3], 0.5), 1.5);
  t.equal(quantileOf([0, 10], 0.25), 2.5);
  t.equal(quantileOf([0, 1, 2, 3], 1), 3);
  t.end();
});

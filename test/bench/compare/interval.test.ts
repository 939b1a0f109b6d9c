import t from 'tap';
import { crossovers, interval, ratioInterval } from '#halflight/bench/compare/interval.js';

t.test('an interval is the mean with what Student’s t makes of the scatter', (t) => {
  const { mean, halfWidth } = interval([10, 12, 14]);
  t.equal(mean, 12);
  // A standard deviation of 2, over √3, times 4.303.
  t.ok(Math.abs((halfWidth ?? 0) - (4.303 * 2) / Math.sqrt(3)) < 1e-9);
  t.strictSame(interval([5]), { mean: 5, halfWidth: null });
  const many = interval(Array.from({ length: 40 }, (_, i) => i % 2));
  t.ok(Math.abs((many.halfWidth ?? 0) - 1.96 * Math.sqrt(10 / 39 / 40)) < 1e-9);
  t.end();
});

t.test('ratios are those of the repeats, so what slows both leaves no trace', (t) => {
  t.strictSame(ratioInterval([20, 10, 40], [10, 5, 20]), { mean: 2, halfWidth: 0 });
  t.end();
});

/** Points of load, ratio and half the width of its interval. */
const points = (...given: readonly (readonly [number, number, number | null])[]) =>
  given.map(([load, mean, halfWidth]) => ({ load, ratio: { mean, halfWidth } }));

t.test('a ratio crosses 1 between two loads, on a logarithmic axis', (t) => {
  const [crossover, ...more] = crossovers(points([1, 1.5, 0.1], [4, 1.5, 0.1], [16, 0.5, 0.1]));
  t.ok(Math.abs(crossover.load - 8) < 1e-9, 'half way from 4 to 16');
  t.equal(crossover.isClear, true);
  t.strictSame(more, []);
  t.strictSame(crossovers(points([1, 1.2, 0.1], [8, 1.1, 0.1])), []);
  t.match(crossovers(points([1, 0.9, 0.05], [2, 1, 0.1])), [{ load: 2, isClear: false }]);
  t.strictSame(crossovers([]), []);
  t.end();
});

t.test('a crossover is not clear where an interval beside it holds 1, or is not known', (t) => {
  t.match(crossovers(points([1, 1.5, 0.6], [16, 0.5, 0.1])), [{ isClear: false }]);
  t.match(crossovers(points([1, 1.5, null], [16, 0.5, 0.1])), [{ isClear: false }]);
  t.end();
});

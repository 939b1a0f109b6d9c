import t from 'tap';
import { InputMoments } from '#halflight/calibrate/input-moments.js';
import { Random } from '../support/random.js';
import { statsOf } from './support.js';

t.test('means and maxima are those of all inputs that were added, in whatever pieces', (t) => {
  const cols = 9;
  const inputs = new Random(1).values(23 * cols);
  const moments = new InputMoments(cols);
  moments.add(inputs.subarray(0, 5 * cols));
  moments.add(inputs.subarray(5 * cols));
  const expected = statsOf(Float64Array.from(inputs), cols);
  const stats = moments.stats(expected.hessian);
  t.equal(stats.numTokens, 23);
  t.equal(moments.numTokens, 23);
  t.equal(stats.hessian, expected.hessian);
  // Sums of a few terms in f64, in another order.
  const near = (a: Float64Array, b: Float64Array) =>
    a.length === b.length && a.every((value, i) => Math.abs(value - b[i]) < 1e-13);
  t.ok(near(stats.meanSquares, expected.meanSquares));
  t.ok(near(stats.meanMagnitudes, expected.meanMagnitudes));
  t.ok(near(stats.maxMagnitudes, expected.maxMagnitudes));
  t.end();
});

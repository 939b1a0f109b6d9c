import t from 'tap';
import { InputMoments } from '#halflight/calibrate/input-moments.js';
import { Random } from '../support/random.js';
import { statsOf } from './support.js';

t.test('means, maxima and the Hessian are those of all inputs that were added, in whatever pieces', (t) => {
  const cols = 9;
  const inputs = new Random(1).values(23 * cols);
  const moments = new InputMoments(cols, true);
  moments.add(inputs.subarray(0, 5 * cols));
  moments.add(inputs.subarray(5 * cols));
  const expected = statsOf(Float64Array.from(inputs), cols);
  const { hessian, ...stats } = moments.stats();
  t.equal(stats.numTokens, 23);
  // Sums of a few terms in f64, in another order.
  const near = (a: Float64Array | null, b: Float64Array | null) =>
    a?.length === b?.length && a?.every((value, i) => Math.abs(value - (b?.[i] ?? 0)) < 1e-13);
  t.ok(near(stats.meanSquares, expected.meanSquares));
  t.ok(near(stats.meanMagnitudes, expected.meanMagnitudes));
  t.ok(near(stats.maxMagnitudes, expected.maxMagnitudes));
  t.ok(near(hessian, expected.hessian));
  t.end();
});

t.test('without a Hessian none is made', (t) => {
  const moments = new InputMoments(2, false);
  moments.add(Float32Array.of(1, -3));
  t.match(moments.stats(), { hessian: null, maxMagnitudes: Float64Array.of(1, 3) });
  t.end();
});

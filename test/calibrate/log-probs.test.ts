import t, { type Test } from 'tap';
import { argmax, klDivergence, logSumExp, rowSums, tokenLoss } from '#halflight/calibrate/log-probs.js';

// Logits are f32, which halves the logarithms’ digits: 1e-7 of values of about 1.
const near = (t: Test, actual: number, expected: number) =>
  t.ok(Math.abs(actual - expected) < 1e-6, `${actual} is ${expected}`);

const logs = (...values: number[]) => Float32Array.from(values.map(Math.log));

t.test('losses are what the definition gives by hand', (t) => {
  const row = logs(1, 2, 5, 2);
  near(t, logSumExp(row), Math.log(10));
  near(t, tokenLoss(row, 2), -Math.log(5 / 10));
  near(t, tokenLoss(row, 1), -Math.log(2 / 10));
  t.end();
});

t.test('logits so large that their exponential overflows are scored all the same', (t) => {
  near(t, tokenLoss(Float32Array.of(1000, 900), 0), 0);
  near(t, tokenLoss(Float32Array.of(1000, 900), 1), 100);
  t.end();
});

const divergence = (p: Float32Array, q: Float32Array) => klDivergence(p, q, rowSums(p).norm, rowSums(q).norm);

t.test('the divergence is what the definition gives by hand, and 0 of a distribution from itself', (t) => {
  const [p, q] = [logs(1, 3), logs(2, 2)];
  near(t, divergence(p, q), 0.25 * Math.log(0.5) + 0.75 * Math.log(1.5));
  near(t, divergence(q, p), 0.5 * Math.log(2) + 0.5 * Math.log(2 / 3));
  t.equal(divergence(p, p), 0);
  const moved = (by: number) => Float32Array.from(p, (x) => x + by);
  near(t, divergence(p, moved(7)), 0);
  for (let by = 1e-4; by < 1e4; by *= 3) t.ok(divergence(p, moved(by)) >= 0);
  t.end();
});

t.test('of equal values the first is the greatest', (t) => {
  t.equal(argmax([1, 3, 3, 2]), 1);
  t.equal(rowSums(Float32Array.of(1, 3, 3, 2)).top, 1);
  t.end();
});

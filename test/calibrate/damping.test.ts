import t from 'tap';
import { dampedFactor } from '#halflight/calibrate/damping.js';
import { Random } from '../support/random.js';
import { gram } from './support.js';

const inOrder = (n: number) => Uint32Array.from({ length: n }, (_, i) => i);

t.test('1% of the mean diagonal is enough for what is merely singular', (t) => {
  const n = 16;
  const h = gram(new Random(1), 5, n);
  const damped = dampedFactor(h, inOrder(n));
  const mean = h.filter((_, i) => i % (n + 1) === 0).reduce((sum, value) => sum + value, 0) / n;
  t.strictSame(damped?.notes, []);
  // The mean is a sum of 16 numbers in f64, in whatever order.
  t.ok(damped?.added.every((added) => Math.abs(added - 0.01 * mean) < 1e-14));
  t.end();
});

t.test('what is not positive definite takes more, and says how much', (t) => {
  // Eigenvalues 1 + r and 1 − r.
  const of = (r: number) => dampedFactor(Float64Array.of(1, r, r, 1), inOrder(2));
  t.strictSame(of(1.02)?.notes, ['the Hessian took damping of 0.03 times its mean diagonal']);
  t.strictSame(of(1.9)?.notes, ['the Hessian took damping of 1 times its mean diagonal']);
  t.strictSame(of(5)?.notes, [
    'the Hessian was not positive definite: its diagonal was raised to the sum of each row',
  ]);
  t.end();
});

t.test('inputs that are always 0 are told, and do not disturb the others', (t) => {
  const damped = dampedFactor(Float64Array.of(4, 0, 1, 0, 0, 0, 1, 0, 4), inOrder(3));
  const others = dampedFactor(Float64Array.of(4, 1, 1, 4), inOrder(2));
  t.strictSame(damped?.dead, [1]);
  const { factor } = damped ?? { factor: [] };
  t.strictSame([factor[0], factor[2], factor[8]], [others?.factor[0], others?.factor[1], others?.factor[3]]);
  t.strictSame([factor[1], factor[5]], [0, 0]);
  t.end();
});

t.test('nothing can be made of zeros alone, nor of what is no number', (t) => {
  t.equal(dampedFactor(new Float64Array(9), inOrder(3)), null);
  t.equal(dampedFactor(Float64Array.of(1, Number.NaN, Number.NaN, 1), inOrder(2)), null);
  t.equal(dampedFactor(Float64Array.of(1, 0, 0, Number.POSITIVE_INFINITY), inOrder(2)), null);
  t.end();
});

t.test('in another order all is as if the inputs had it', (t) => {
  const n = 8;
  const h = gram(new Random(3), 3, n);
  h.fill(0, 2 * n, 3 * n);
  for (let i = 0; i < n; i++) h[i * n + 2] = 0;
  const order = Uint32Array.from(new Random(4).permutation(n));
  const moved = Float64Array.from(h, (_, i) => h[order[Math.floor(i / n)] * n + order[i % n]]);
  t.strictSame(dampedFactor(h, order), dampedFactor(moved, inOrder(n)));
  t.end();
});

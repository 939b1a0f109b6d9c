import t from 'tap';
import { inverseFactor } from '#halflight/calibrate/cholesky.js';
import { Random } from '../support/random.js';
import { gram } from './support.js';

t.test('Uᵀ·U is the inverse: times H it is the identity', (t) => {
  for (const n of [1, 2, 7, 40]) {
    const h = gram(new Random(n), 3 * n, n);
    const u = h.slice();
    t.ok(inverseFactor(u, n));
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        let product = 0;
        for (let k = 0; k < n; k++) {
          let inverse = 0;
          for (let m = 0; m < n; m++) inverse += u[m * n + i] * u[m * n + k];
          product += inverse * h[k * n + j];
        }
        // f64 with a condition number of some hundreds.
        t.ok(Math.abs(product - (i === j ? 1 : 0)) < 1e-10, `${n}: [${i}][${j}]`);
        if (j < i) t.equal(u[i * n + j], 0);
      }
    }
  }
  t.end();
});

t.test('of many rows, whole blocks or not, it is the same', (t) => {
  for (const n of [64, 131, 300]) {
    const h = gram(new Random(n), 2 * n, n);
    const u = h.slice();
    t.ok(inverseFactor(u, n));
    const x = Float64Array.from(new Random(1).values(n));
    const y = product(h, x, n);
    // ‖U·y‖² = yᵀ·H⁻¹·y = yᵀ·x; f64 with a condition number of some hundreds.
    const norm = product(u, y, n).reduce((sum, value) => sum + value * value, 0);
    const expected = y.reduce((sum, value, i) => sum + value * x[i], 0);
    t.ok(Math.abs(norm - expected) < 1e-10 * expected, `${n}: ${norm} is ${expected}`);
    t.ok(inverseOf(u, y, n).every((value, i) => Math.abs(value - x[i]) < 1e-9));
    const below = u.findIndex((value, i) => i % n < Math.floor(i / n) && value !== 0);
    t.equal(below, -1, 'zeros below the diagonal');
  }
  t.end();
});

function product(m: Float64Array, x: Float64Array, n: number): Float64Array {
  return x.map((_, i) => x.reduce((sum, value, j) => sum + m[i * n + j] * value, 0));
}

/** Uᵀ·(U·y). */
function inverseOf(u: Float64Array, y: Float64Array, n: number): Float64Array {
  const half = product(u, y, n);
  return y.map((_, j) => half.reduce((sum, value, i) => sum + u[i * n + j] * value, 0));
}

t.test('what is not positive definite has no factor, nor has what is no number', (t) => {
  t.notOk(inverseFactor(Float64Array.of(1, 2, 2, 1), 2));
  t.notOk(inverseFactor(Float64Array.of(1, 1, 1, 1), 2));
  t.notOk(inverseFactor(Float64Array.of(0), 1));
  t.notOk(inverseFactor(Float64Array.of(1, 0, 0, Number.NaN), 2));
  // Fewer samples than columns: singular but for rounding.
  t.notOk(inverseFactor(gram(new Random(2), 5, 12), 12));
  t.end();
});

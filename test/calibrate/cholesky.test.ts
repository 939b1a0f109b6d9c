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

t.test('what is not positive definite has no factor, nor has what is no number', (t) => {
  t.notOk(inverseFactor(Float64Array.of(1, 2, 2, 1), 2));
  t.notOk(inverseFactor(Float64Array.of(1, 1, 1, 1), 2));
  t.notOk(inverseFactor(Float64Array.of(0), 1));
  t.notOk(inverseFactor(Float64Array.of(1, 0, 0, Number.NaN), 2));
  // Fewer samples than columns: singular but for rounding.
  t.notOk(inverseFactor(gram(new Random(2), 5, 12), 12));
  t.end();
});

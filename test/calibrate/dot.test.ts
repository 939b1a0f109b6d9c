import t from 'tap';
import { dot } from '#halflight/calibrate/dot.js';

t.test('it is the sum of the products of a part, of any length', (t) => {
  const a = Float64Array.of(9, 1, 2, 3, 4, 5, 6, 9);
  const b = Float64Array.of(2, 3, 5, 7, 11, 13, 9);
  const sums = [0, 2, 2 + 6, 8 + 15, 23 + 28, 51 + 55, 106 + 78];
  for (const [count, sum] of sums.entries()) t.equal(dot(a, 1, b, 0, count), sum);
  t.equal(dot(a, 2, b, 1, 2), 2 * 3 + 3 * 5);
  t.end();
});

import t from 'tap';
import { dot, subtractFour, subtractRow } from '#halflight/calibrate/row-operations.js';

t.test('the product of two rows is the sum of the products of a part, of any length', (t) => {
  const a = Float64Array.of(9, 1, 2, 3, 4, 5, 6, 9);
  const b = Float64Array.of(2, 3, 5, 7, 11, 13, 9);
  const sums = [0, 2, 2 + 6, 8 + 15, 23 + 28, 51 + 55, 106 + 78];
  for (const [count, sum] of sums.entries()) t.equal(dot(a, 1, b, 0, count), sum);
  t.equal(dot(a, 2, b, 1, 2), 2 * 3 + 3 * 5);
  t.end();
});

t.test('a part of a row is subtracted as often as its factor says, the rest stays', (t) => {
  const x = Float64Array.of(10, 20, 30, 40);
  subtractRow(x, 1, 2, Float64Array.of(9, 9, 3, 4, 9), 2, 2);
  t.strictSame([...x], [10, 14, 22, 40]);
  t.end();
});

t.test('four rows are subtracted from two, each by factors of its own', (t) => {
  // Rows of 3, of which the last two columns count; x has two of them.
  const x = Float64Array.of(1, 100, 200, 1, 300, 400);
  const y = Float64Array.of(9, 1, 2, 9, 3, 4, 9, 5, 6, 9, 7, 8);
  const factors = Float64Array.of(9, 1, 2, 3, 4, 9, 5, 6, 7, 8);
  subtractFour(
    { values: x, at: 1, stride: 3 },
    { values: factors, at: 1, stride: 5 },
    { values: y, at: 1, stride: 3 },
    2,
  );
  const sum = (f: readonly number[], column: number) =>
    f.reduce((total, factor, row) => total + factor * (2 * row + 1 + column), 0);
  const [first, second] = [
    [1, 2, 3, 4],
    [5, 6, 7, 8],
  ];
  t.strictSame(
    [...x],
    [1, 100 - sum(first, 0), 200 - sum(first, 1), 1, 300 - sum(second, 0), 400 - sum(second, 1)],
  );
  t.end();
});

import t from 'tap';
import { hadamard } from '#halflight/ops/hadamard.js';
import { Random } from '../support/random.js';

t.test('each value of a block is spread over all of it, with Sylvester’s signs', (t) => {
  const columns = [0, 1, 2, 3].map((i) => [
    ...hadamard(Float64Array.from({ length: 4 }, (_, j) => +(i === j))),
  ]);
  t.strictSame(columns, [
    [0.5, 0.5, 0.5, 0.5],
    [0.5, -0.5, 0.5, -0.5],
    [0.5, 0.5, -0.5, -0.5],
    [0.5, -0.5, -0.5, 0.5],
  ]);
  t.end();
});

t.test('twice gives the vector back, whatever its length', (t) => {
  for (const length of [4, 16, 40, 64, 80, 128]) {
    const vector = Float64Array.from(new Random(length).values(length));
    const back = hadamard(hadamard(vector));
    // Up to 14 sums of values below 2¹⁰, in f64.
    t.ok(
      vector.every((value, i) => Math.abs(value - back[i]) < 1e-12),
      `${length}`,
    );
  }
  t.end();
});

t.test('a length that is no power of two is cut into blocks of the greatest that divides it', (t) => {
  const vector = new Float64Array(40);
  vector[9] = 1;
  const turned = hadamard(vector);
  t.strictSame(
    [...turned].map((value) => value !== 0),
    Array.from({ length: 40 }, (_, i) => i >= 8 && i < 16),
  );
  t.end();
});

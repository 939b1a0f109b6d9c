import t from 'tap';
import { byRows, headwiseValues } from '#halflight/model/matrix-layout.js';

t.test('a transposed matrix [inputs][outputs] is turned', (t) => {
  t.strictSame([...byRows(Float32Array.of(1, 2, 3, 4, 5, 6), 'transposed', 3, 1)], [1, 4, 2, 5, 3, 6]);
  t.end();
});

t.test('q, k and v of one head after another become all of q, all of k, all of v', (t) => {
  t.strictSame([...headwiseValues(Float32Array.of(1, 2, 3, 4, 5, 6), 1)], [1, 4, 2, 5, 3, 6]);
  // Two heads of one dimension, two columns.
  const rows = Uint16Array.from({ length: 12 }, (_, i) => i);
  t.strictSame([...byRows(rows, 'headwise', 6, 1)], [0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11]);
  t.end();
});

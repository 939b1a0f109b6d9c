import t from 'tap';
import { restoreRows } from '#halflight/checkpoint/gguf/rows.js';

t.test('the halves of each head come together again', (t) => {
  // Two heads of 6 rows: the converter has put rows 0, 3, 1, 4, 2, 5 of each one after another.
  const stored = [0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11];
  const rowsOfTwoBytes = Uint8Array.from(stored.flatMap((row) => [row, 100 + row]));
  const expected = stored.map((_, row) => row).flatMap((row) => [row, 100 + row]);
  t.same([...restoreRows(rowsOfTwoBytes, 2, 12, 2)], expected);
  t.end();
});

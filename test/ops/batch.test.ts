import t from 'tap';
import { pendingRow, pendingToken } from '#halflight/ops/batch.js';

t.test('a pending token names a row, and is no token id', (t) => {
  t.equal(pendingRow(pendingToken(7)), 7);
  t.equal(pendingRow(pendingToken(0)), 0);
  t.equal(pendingRow(128_000), null);
  t.end();
});

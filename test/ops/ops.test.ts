import t from 'tap';
import { rowStride } from '#halflight/ops/ops.js';

t.test('a row takes whole blocks of 32 columns', (t) => {
  const columns = [1, 31, 32, 33, 64, 2048, 2049];
  t.strictSame(columns.map(rowStride), [32, 32, 32, 64, 64, 2048, 2080]);
  t.end();
});

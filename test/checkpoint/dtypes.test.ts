import t from 'tap';
import { isDtype, tensorBytes } from '#halflight/checkpoint/dtypes.js';

t.test('bytes are exact, or null where there is no whole or no safe number of them', (t) => {
  t.equal(tensorBytes('F32', []), 4);
  t.equal(tensorBytes('BF16', [3, 5]), 30);
  t.equal(tensorBytes('F6_E2M3', [4]), 3);
  t.equal(tensorBytes('F6_E2M3', [3]), null);
  t.equal(tensorBytes('U8', [2 ** 52, 2]), null);
  t.equal(tensorBytes('U8', [Number.MAX_SAFE_INTEGER]), Number.MAX_SAFE_INTEGER);
  t.equal(isDtype('hasOwnProperty'), false);
  t.end();
});

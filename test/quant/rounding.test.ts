import t from 'tap';
import { BY_BLOCK, BY_TOKEN, LARGEST_CODE, OUTLIER_THRESHOLD } from '#halflight/quant/rounding.js';

t.test('rounding is symmetric, and leaves nothing out unless it is told to', (t) => {
  t.equal(LARGEST_CODE, 127);
  t.equal(OUTLIER_THRESHOLD, 6);
  t.strictSame(
    [BY_BLOCK, BY_TOKEN].map(({ outliers }) => outliers),
    [null, null],
  );
  t.end();
});

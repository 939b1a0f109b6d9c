import t from 'tap';
import { oneTwoFive } from '#halflight/server/buckets.js';

t.test('has buckets of 1, 2, 5 as far as the context', async (t) => {
  t.same(oneTwoFive(100), [1, 2, 5, 10, 20, 50, 100]);
  t.same(oneTwoFive(1), [1]);
});

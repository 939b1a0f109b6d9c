import t from 'tap';
import * as buckets from '#halflight/server/buckets.js';

t.test('has buckets of 1, 2, 5 as far as the context', async (t) => {
  t.same(buckets.oneTwoFive(100), [1, 2, 5, 10, 20, 50, 100]);
  t.same(buckets.oneTwoFive(1), [1]);
});

t.test('bounds rise', async (t) => {
  const { oneTwoFive: _, ...lists } = buckets;
  for (const [name, bounds] of Object.entries(lists)) {
    t.ok(
      bounds.every((bound, i) => i === 0 || bound > bounds[i - 1]),
      name,
    );
  }
});

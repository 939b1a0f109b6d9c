import t from 'tap';
import { LruCache } from '#halflight/grammar/lru-cache.js';

t.test('what was not used for longest makes room, and is handed out', (t) => {
  const evicted: number[] = [];
  const cache = new LruCache<number>(2, (value) => evicted.push(value));
  cache.set('a', 1);
  cache.set('b', 2);
  t.equal(cache.get('a'), 1);
  cache.set('c', 3);
  t.strictSame(evicted, [2]);
  t.equal(cache.get('b'), undefined);
  t.equal(cache.get('a'), 1);
  t.end();
});

t.test('what is deleted is gone, and not handed out', (t) => {
  const evicted: number[] = [];
  const cache = new LruCache<number>(2, (value) => evicted.push(value));
  cache.set('a', 1);
  cache.delete('a');
  t.equal(cache.get('a'), undefined);
  t.strictSame(evicted, []);
  t.end();
});

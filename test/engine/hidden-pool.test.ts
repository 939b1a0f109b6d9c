import t from 'tap';
import { HiddenPool } from '#halflight/engine/hidden-pool.js';

/** Of tokens at `positions`, two numbers each: the position, and ten times that. */
const states = (...positions: number[]) => Float32Array.from(positions.flatMap((at) => [at, 10 * at]));

t.test('a mean is of all tokens, in whatever chunks they come', (t) => {
  const pool = new HiddenPool('mean', 4);
  t.equal(pool.numSkippable, 0);
  pool.take(states(0, 1, 2), 0, 2);
  t.equal(pool.result(), null);
  pool.take(states(3), 3, 2);
  t.same(pool.result(), Float32Array.of(1.5, 15));
  t.end();
});

t.test('tokens that are computed again after a preemption count once', (t) => {
  const pool = new HiddenPool('mean', 4);
  pool.take(states(0, 1), 0, 2);
  t.equal(pool.numSkippable, 2, 'those of a cached block are known now');
  pool.take(states(0), 0, 2);
  pool.take(states(1, 2, 3), 1, 2);
  t.same(pool.result(), Float32Array.of(1.5, 15));
  t.equal(pool.numSkippable, 3, 'the last token is always computed');
  t.end();
});

t.test('the last token alone is taken where that is asked for', (t) => {
  const pool = new HiddenPool('last', 4);
  t.equal(pool.numSkippable, 3);
  pool.take(states(2), 2, 2);
  t.equal(pool.result(), null);
  pool.take(states(3), 3, 2);
  t.same(pool.result(), Float32Array.of(3, 30));
  t.end();
});

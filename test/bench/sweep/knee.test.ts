import t from 'tap';
import { isOverloaded, isSaturated, knee } from '#halflight/bench/sweep/knee.js';

const level = (load: number, throughput: number, latencyMs: number) => ({ load, throughput, latencyMs });

t.test('the knee has the most throughput for its latency', (t) => {
  const levels = [level(1, 100, 600), level(4, 340, 750), level(16, 480, 2100)];
  t.equal(knee(levels)?.load, 4);
  t.equal(knee([]), null);
  t.end();
});

t.test('a level that gains less than a twentieth is saturated', (t) => {
  t.notOk(isSaturated([level(1, 100, 1)]));
  t.notOk(isSaturated([level(1, 100, 1), level(2, 106, 1)]));
  t.ok(isSaturated([level(1, 100, 1), level(2, 200, 1), level(4, 204, 1)]));
  t.ok(isSaturated([level(1, 200, 1), level(2, 100, 1)]));
  t.notOk(isSaturated([]));
  t.end();
});

t.test('requests that come faster than they are answered are told from the tail of the last one', (t) => {
  // 101 requests at 10/s arrive within 10 s; an answer takes 2 s.
  const offered = (durationS: number) => ({ rate: 10, count: 101, durationS });
  t.notOk(isOverloaded(offered(12), 2000));
  t.notOk(isOverloaded(offered(13), 2000));
  t.ok(isOverloaded(offered(13.5), 2000));
  t.end();
});

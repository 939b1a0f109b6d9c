import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { bottleneck, LagMeter } from '#halflight/bench/serve/lag.js';

t.test('a loop that is held up is late by as much', async (t) => {
  const meter = new LagMeter();
  await sleep(30);
  const untilMs = performance.now() + 100;
  while (performance.now() < untilMs);
  await sleep(30);
  const { maxLagMs, meanLagMs, utilization } = meter.stop();
  // The timer was due up to 10 ms after the loop was taken.
  t.ok(maxLagMs >= 89, `${maxLagMs} ms`);
  t.ok(meanLagMs > 0 && utilization > 0.05, `${meanLagMs} ms, ${utilization}`);
});

t.test('a client that is busy or late is a bottleneck, a little lag is none', (t) => {
  const idle = { utilization: 0.1, meanLagMs: 0.5, p99LagMs: 2, maxLagMs: 30 };
  const run = (measuredMs: number) => ({ durationMs: 5000, measuredMs });
  t.equal(bottleneck(idle, run(10)), null);
  t.equal(bottleneck({ ...idle, meanLagMs: 4.9 }, run(1)), null, 'a busy machine is no better');
  t.match(bottleneck({ ...idle, utilization: 0.9 }, run(10)), /busy 90% of the time/);
  t.match(bottleneck({ ...idle, meanLagMs: 6 }, run(50)), /6\.0 ms late on average, of 50\.0 ms/);
  t.equal(bottleneck({ ...idle, meanLagMs: 6 }, run(70)), null);
  t.equal(bottleneck({ ...idle, meanLagMs: 60 }, { ...run(50), durationMs: 500 }), null, 'too short to tell');
  t.end();
});

import { Registry } from 'prom-client';
import t from 'tap';
import { CountingHistogram } from '#halflight/server/histogram.js';

t.test('counts what it observes, and observes it', async (t) => {
  const registry = new Registry();
  const histogram = new CountingHistogram({
    name: 'time',
    help: 'h',
    buckets: [1, 2],
    registers: [registry],
  });
  t.equal(histogram.numObserved, 0);
  histogram.observe(1.5);
  histogram.observe(5);
  t.equal(histogram.numObserved, 2);
  t.match(await registry.metrics(), /time_bucket\{le="2"\} 1\n[\s\S]*time_sum 6\.5\ntime_count 2/);
});

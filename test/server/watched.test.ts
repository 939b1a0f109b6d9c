import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import t from 'tap';
import { watch } from '#halflight/server/watched.js';

const settings = (registry: Registry, name: string) => ({ name, help: 'h', registers: [registry] });

t.test('each change of a metric counts, and happens', async (t) => {
  const registry = new Registry();
  const counter = watch(new Counter(settings(registry, 'count')));
  const gauge = watch(new Gauge({ ...settings(registry, 'gauge'), labelNames: ['kind'] }));
  const histogram = watch(new Histogram({ ...settings(registry, 'time'), buckets: [1, 2] }));
  t.strictSame(
    [counter, gauge, histogram].map(({ numChanges }) => numChanges),
    [0, 0, 0],
  );
  counter.inc();
  gauge.set({ kind: 'a' }, 7);
  gauge.dec({ kind: 'a' });
  gauge.set({ kind: 'b' }, 1);
  gauge.remove({ kind: 'b' });
  histogram.observe(1.5);
  histogram.observe(5);
  t.strictSame(
    [counter, gauge, histogram].map(({ numChanges }) => numChanges),
    [1, 4, 2],
  );
  const text = await registry.metrics();
  t.match(text, /^count 1\n/m);
  t.match(text, /^gauge\{kind="a"\} 6\n\n/m);
  t.match(text, /time_bucket\{le="2"\} 1\n[\s\S]*time_sum 6\.5\ntime_count 2/);
  gauge.reset();
  t.equal(gauge.numChanges, 5);
  t.notMatch(await registry.metrics(), 'kind');
});

t.test('a reading is no change', async (t) => {
  const registry = new Registry();
  const counter = watch(new Counter(settings(registry, 'count')));
  await registry.metrics();
  await counter.get();
  t.equal(counter.numChanges, 0);
});

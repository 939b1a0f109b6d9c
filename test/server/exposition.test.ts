import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import t from 'tap';
import { type Exposed, Exposition } from '#halflight/server/exposition.js';
import { Metrics } from '#halflight/server/metrics.js';
import { watch } from '#halflight/server/watched.js';

const PROMPT = { numCachedTokens: 0, queueMs: 1, prefillMs: 2 };

function afterRequests(
  t: { teardown: (end: () => void) => void },
  name: string,
  numRequests: number,
): Metrics {
  const metrics = new Metrics(name, 32_768);
  t.teardown(() => metrics.close());
  for (let i = 0; i < numRequests; i++) {
    const timer = metrics.startRequest(0, 100 + (i % 500), 50);
    for (let token = 0; token < 20; token++) {
      timer.token({ timeMs: 100 + (i % 1000) + 20 * token, prompt: PROMPT });
    }
    timer.finish('stop');
  }
  return metrics;
}

async function textOf(exposition: Exposition, ...all: readonly Exposed[]): Promise<string> {
  return (await exposition.bytes(all)).toString();
}

t.test('writes what prom-client writes, again and again', async (t) => {
  const metrics = afterRequests(t, 'a "quoted" \\ name', 30);
  const exposition = new Exposition();
  for (let i = 0; i < 2; i++) {
    t.equal(await textOf(exposition, metrics), await metrics.registry.metrics());
    metrics.finishRequest('abort');
  }
});

t.test('a label’s new value is a series of its own, and one that goes is gone', async (t) => {
  const registry = new Registry();
  const gauge = new Gauge({ name: 'memory', help: 'a\nb', labelNames: ['kind'], registers: [registry] });
  new Counter({ name: 'odd', help: 'h', registers: [registry] }).inc(0.1);
  new Histogram({ name: 'time', help: 'h', buckets: [1, 2], registers: [registry] }).observe(1.5);
  const exposition = new Exposition();
  const text = async () => (await textOf(exposition, { registry, labels: {} })).replaceAll('{}', '');
  for (const kinds of [['a'], ['b'], ['b', 'c']]) {
    gauge.reset();
    for (const kind of kinds) gauge.set({ kind }, 1);
    t.equal(await text(), await registry.metrics());
  }
});

t.test('of two models each metric is told once', async (t) => {
  const text = await textOf(new Exposition(), ...['a', 'b'].map((name) => afterRequests(t, name, 1)));
  t.equal(text.match(/^# TYPE vllm:num_requests_running gauge$/gm)?.length, 1);
  t.equal(text.match(/^vllm:num_requests_running\{model_name="(a|b)",engine="0"\} 0$/gm)?.length, 2);
});

t.test('while nothing changes the answer is the same buffer, and each change makes another', async (t) => {
  const registry = new Registry();
  const own = { registry, labels: { model_name: 'a' } };
  const count = watch(new Counter({ name: 'count', help: 'h', registers: [registry] }));
  const gauge = new Gauge({ name: 'gauge', help: 'h', registers: [registry] });
  const kinds = watch(new Counter({ name: 'kinds', help: 'h', labelNames: ['kind'], registers: [registry] }));
  const time = watch(new Histogram({ name: 'time', help: 'h', buckets: [1], registers: [registry] }));
  let value = 0;
  const read: Gauge = new Gauge({
    name: 'read',
    help: 'h',
    registers: [registry],
    collect: () => read.set(value),
  });
  watch(read);
  const exposition = new Exposition();
  for (const change of [
    () => count.inc(),
    () => gauge.set(Number.NaN),
    () => gauge.set(2),
    () => kinds.inc({ kind: 'a' }),
    () => kinds.inc({ kind: 'b' }),
    () => time.observe(0.5),
    () => {
      value = 3;
    },
    () => registry.removeSingleMetric('gauge'),
    () => new Counter({ name: 'later', help: 'h', registers: [registry] }),
  ]) {
    const before = await exposition.bytes([own]);
    t.equal(await exposition.bytes([own]), before);
    change();
    const after = await exposition.bytes([own]);
    t.not(after, before, String(change));
    t.equal(after.toString(), await textOf(new Exposition(), own));
  }
});

t.test('with 10,000 requests behind it takes less than 5 ms', async (t) => {
  const metrics = afterRequests(t, 'fable', 10_000);
  const exposition = new Exposition();
  const times: number[] = [];
  for (let i = 0; i < 101; i++) {
    const startMs = performance.now();
    metrics.itl.observe(i);
    await exposition.bytes([metrics]);
    times.push(performance.now() - startMs);
  }
  const [median = Number.NaN] = times.sort((a, b) => a - b).slice(50);
  // 0.5 ms on an idle core; the median, for a busy machine delays some.
  t.ok(median < 5, `${median} ms`);
});

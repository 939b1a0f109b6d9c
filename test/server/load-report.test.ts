import t from 'tap';
import { FakeEngine } from '../support/fake-engine.js';
import { testServer } from '../support/server.js';

const stats = { numRunning: 3, numWaiting: 2, kvUsage: 0.25 };

t.test('tells the load in the format that is asked for, and nothing unasked', async (t) => {
  const app = testServer({ engine: new FakeEngine({ stats }) });
  await app.inject('/props');
  const report = async (format: string | null) => {
    const headers = format === null ? {} : { 'endpoint-load-metrics-format': format };
    const payload = { prompt: 'Hi', max_tokens: 1 };
    const reply = await app.inject({ method: 'POST', url: '/v1/completions', headers, payload });
    t.equal(reply.statusCode, 200);
    return reply.headers['endpoint-load-metrics'];
  };
  t.equal(
    await report('TEXT'),
    'TEXT named_metrics.kv_cache_usage_perc=0.25, named_metrics.num_requests_waiting=2, named_metrics.num_requests_running=3',
  );
  t.strictSame(JSON.parse(String(await report('json')).slice('JSON '.length)), {
    named_metrics: { kv_cache_usage_perc: 0.25, num_requests_waiting: 2, num_requests_running: 3 },
  });
  t.equal(await report(null), undefined);
  t.equal(await report('BIN'), undefined);
});

t.test('a stream tells it before its first token', async (t) => {
  const app = testServer({ engine: new FakeEngine({ stats }) });
  const reply = await app.inject({
    method: 'POST',
    url: '/v1/completions',
    headers: { 'endpoint-load-metrics-format': 'TEXT' },
    payload: { prompt: 'Hi', max_tokens: 2, stream: true },
  });
  t.match(reply.headers['endpoint-load-metrics'], /^TEXT named_metrics/);
});

import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { FakeEngine } from '../support/fake-engine.js';
import { testKeys, testModels, testServer } from '../support/server.js';

const url = '/v1/embeddings';
const texts = (count: number) => Array.from({ length: count }, (_, i) => `text ${i}`);

t.test('a list longer than the queue goes through it, as many at once as the engine runs', async (t) => {
  let most = 0;
  const engine = new FakeEngine({ delayMs: 1 });
  engine.onStep(() => {
    most = Math.max(most, engine.numRunning);
  });
  const app = testServer({ engine, maxQueued: 0 });
  const reply = await app.inject({ method: 'POST', url, payload: { input: texts(50) } });
  t.equal(reply.statusCode, 200);
  t.same(
    reply.json().data.map(({ index }: { index: number }) => index),
    texts(50).map((_, i) => i),
  );
  t.equal(engine.embedRequests.length, 50);
  t.equal(new Set(engine.embedRequests.map(({ id }) => id)).size, 50);
  t.equal(most, engine.info.maxNumSeqs);
});

t.test('requests beyond the queue are refused, and their places come back', async (t) => {
  const app = testServer({ engine: new FakeEngine({ delayMs: 50 }), maxQueued: 0 });
  const ask = () => app.inject({ method: 'POST', url, payload: { input: texts(4) } });
  const [first, second] = await Promise.all([ask(), ask()]);
  t.same([first.statusCode, second.statusCode].sort(), [200, 429]);
  t.equal((await ask()).statusCode, 200);
});

t.test('what is embedded is counted, and told as the prompt of its key', async (t) => {
  const models = testModels();
  const app = testServer({ models, apiKeys: testKeys(['secret']) });
  const headers = { authorization: 'Bearer secret' };
  const reply = await app.inject({ method: 'POST', url, headers, payload: { input: [[5, 6], [7]] } });
  t.same(reply.json().usage, { prompt_tokens: 3, total_tokens: 3 });
  const { body } = await app.inject({ url: '/metrics', headers });
  const value = (name: string, labels = '') =>
    Number(
      body
        .split('\n')
        .find((line) => line.startsWith(`${name}{${labels}`))
        ?.split(' ')
        .at(-1),
    );
  t.equal(value('vllm:prompt_tokens_total'), 3);
  t.equal(value('vllm:generation_tokens_total'), 0);
  t.equal(value('vllm:request_success_total', 'finished_reason="stop"'), 2);
  t.equal(value('vllm:request_prompt_tokens_count'), 2);
  t.equal(value('vllm:request_params_max_tokens_count'), 0);
  t.equal(value('halflight:key_prompt_tokens_total', 'key="#1"'), 3);
});

t.test('an engine that fails is told once, and counted', async (t) => {
  const app = testServer({ engine: new FakeEngine({ failAfter: 0 }) });
  const reply = await app.inject({ method: 'POST', url, payload: { input: texts(9) } });
  t.equal(reply.statusCode, 503);
  t.equal(reply.json().error.code, 'engine_failed');
});

t.test('a client that goes takes its texts along', async (t) => {
  const engine = new FakeEngine({ delayMs: 200 });
  const app = testServer({ engine });
  t.teardown(() => app.close());
  const base = await app.listen({ host: '127.0.0.1', port: 0 });
  const controller = new AbortController();
  const call = fetch(base + url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ input: texts(20) }),
    signal: controller.signal,
  });
  while (engine.numRunning === 0) await sleep(5);
  controller.abort();
  await t.rejects(call);
  while (engine.numRunning > 0) await sleep(5);
  t.equal(engine.embedRequests.length, engine.info.maxNumSeqs, 'the rest was never begun');
  t.equal(engine.numAborted, engine.info.maxNumSeqs);
});

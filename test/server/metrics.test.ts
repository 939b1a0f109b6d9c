import type { FastifyInstance } from 'fastify';
import t from 'tap';
import { FakeEngine } from '../support/fake-engine.js';
import { script, testServer } from '../support/server.js';

const LABELS = 'model_name="fable",engine="0"';

async function scrape(app: FastifyInstance): Promise<(series: string) => number | undefined> {
  const lines = (await app.inject('/metrics')).body.split('\n');
  const values = new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
  return (series) => values.get(series);
}

async function complete(app: FastifyInstance, payload: object): Promise<void> {
  await app.inject({ method: 'POST', url: '/v1/completions', payload });
}

t.test('counts nine gaps between ten tokens', async (t) => {
  const app = testServer();
  for (let i = 0; i < 10; i++)
    await complete(app, { prompt: [5, 6, 7], max_tokens: 10, stream: i % 2 === 0 });
  const value = await scrape(app);
  t.equal(value(`vllm:inter_token_latency_seconds_count{${LABELS}}`), 90);
  t.equal(value(`vllm:time_to_first_token_seconds_count{${LABELS}}`), 10);
  t.equal(value(`vllm:request_time_per_output_token_seconds_count{${LABELS}}`), 10);
  t.equal(value(`vllm:e2e_request_latency_seconds_count{${LABELS}}`), 10);
  t.equal(value(`vllm:prompt_tokens_total{${LABELS}}`), 30);
  t.equal(value(`vllm:generation_tokens_total{${LABELS}}`), 100);
  t.equal(value(`vllm:iteration_tokens_total_sum{${LABELS}}`), 130);
  t.equal(value(`halflight:steps_total{${LABELS}}`), 100);
  t.equal(value(`vllm:request_success_total{finished_reason="length",${LABELS}}`), 10);
  t.equal(value(`vllm:request_prompt_tokens_sum{${LABELS}}`), 30);
  t.equal(value(`vllm:request_generation_tokens_sum{${LABELS}}`), 100);
  t.equal(value(`vllm:request_params_max_tokens_sum{${LABELS}}`), 100);
});

t.test('tells why requests ended', async (t) => {
  const stopping = testServer({ engine: new FakeEngine({ script: script('hello there') }) });
  await complete(stopping, { prompt: 'Hi', max_tokens: 99 });
  await complete(stopping, { prompt: 'Hi', stop: 'there', max_tokens: 99 });
  t.equal((await scrape(stopping))(`vllm:request_success_total{finished_reason="stop",${LABELS}}`), 2);
  const failing = testServer({ engine: new FakeEngine({ failAfter: 1 }) });
  await complete(failing, { prompt: 'Hi' });
  t.equal((await scrape(failing))(`vllm:request_success_total{finished_reason="error",${LABELS}}`), 1);
});

t.test('describes the engine, with what endpoint pickers read', async (t) => {
  const value = await scrape(testServer());
  t.equal(value(`vllm:num_requests_running{${LABELS}}`), 0);
  t.equal(value(`vllm:num_requests_waiting{${LABELS}}`), 0);
  t.equal(value(`vllm:kv_cache_usage_perc{${LABELS}}`), 0);
  t.equal(value(`vllm:num_preemptions_total{${LABELS}}`), 0);
  t.equal(
    value(`vllm:cache_config_info{block_size="16",num_gpu_blocks="64",cache_dtype="f32",${LABELS}}`),
    1,
  );
  t.equal(value(`halflight:gpu_memory_bytes{kind="kv_cache",${LABELS}}`), 2000);
  t.ok((value(`halflight:event_loop_lag_seconds{${LABELS}}`) ?? -1) >= 0);
});

t.test('counts each preemption once, however many steps report it', async (t) => {
  const app = testServer({ engine: new FakeEngine({ numPreemptions: 3 }) });
  await complete(app, { prompt: 'Hi', max_tokens: 5 });
  t.equal((await scrape(app))(`vllm:num_preemptions_total{${LABELS}}`), 3);
});

t.test('counts the prefix cache as the engine reports it, and the answer says what was cached', async (t) => {
  const app = testServer({ engine: new FakeEngine({ numCachedTokens: 3 }) });
  const payload = { prompt: 'Hello there', max_tokens: 2 };
  const { usage } = (await app.inject({ method: 'POST', url: '/v1/completions', payload })).json();
  t.equal(usage.prompt_tokens_details.cached_tokens, 3);
  const value = await scrape(app);
  t.equal(value(`vllm:prefix_cache_hits_total{${LABELS}}`), 3);
  t.equal(value(`vllm:prefix_cache_queries_total{${LABELS}}`), 10);
});

t.test('counts drafts and their tokens as the engine reports them', async (t) => {
  const stats = { numDrafts: 2, numDraftTokens: 9, numAcceptedTokens: 5 };
  const app = testServer({ engine: new FakeEngine({ stats }) });
  await complete(app, { prompt: 'Hi', max_tokens: 3 });
  const value = await scrape(app);
  const names = ['drafts', 'draft_tokens', 'accepted_tokens'];
  t.same(
    names.map((name) => value(`vllm:spec_decode_num_${name}_total{${LABELS}}`)),
    [2, 9, 5],
  );
});

t.test('times the parts of a step, on the device only where that can tell', async (t) => {
  const observed = async (stats: object) => {
    const app = testServer({ engine: new FakeEngine({ stats }) });
    await complete(app, { prompt: 'Hi', max_tokens: 4 });
    const value = await scrape(app);
    return ['schedule', 'encode', 'gpu'].map((part) => {
      const name = `halflight:step_${part}_seconds`;
      return [value(`${name}_count{${LABELS}}`), value(`${name}_sum{${LABELS}}`)];
    });
  };
  const stats = { scheduleMs: 0.25, encodeMs: 0.5, gpuMs: 125 };
  t.same(await observed(stats), [
    [4, 0.001],
    [4, 0.002],
    [4, 0.5],
  ]);
  t.same((await observed({ ...stats, gpuMs: null })).at(-1), [0, 0]);
});

t.test('tells how many answers to a prompt were asked for', async (t) => {
  const app = testServer();
  await complete(app, { prompt: ['Hi', 'Ho'], n: 2, max_tokens: 1 });
  const payload = { messages: [{ role: 'user', content: 'Hi' }], max_tokens: 1 };
  await app.inject({ method: 'POST', url: '/v1/chat/completions', payload });
  const value = await scrape(app);
  t.equal(value(`vllm:request_params_n_count{${LABELS}}`), 3);
  t.equal(value(`vllm:request_params_n_sum{${LABELS}}`), 5);
});

t.test('splits the time of a request as the engine saw it', async (t) => {
  const app = testServer();
  await complete(app, { prompt: 'Hi', max_tokens: 1 });
  const value = await scrape(app);
  const sum = (name: string) => value(`vllm:request_${name}_time_seconds_sum{${LABELS}}`);
  t.equal(sum('queue'), 0.25);
  t.equal(sum('prefill'), 0.5);
  t.equal(sum('inference'), 0.5, 'a single token has no decode time');
  t.equal(value(`vllm:request_queue_time_seconds_count{${LABELS}}`), 1);
});

t.test('keeps two servers apart', async (t) => {
  const [used, idle] = [testServer(), testServer()];
  await complete(used, { prompt: 'Hi' });
  t.equal((await scrape(idle))(`vllm:generation_tokens_total{${LABELS}}`), 0);
});

import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import type { Span } from '#halflight/server/otlp.js';
import { traceContext } from '#halflight/server/tracing.js';
import { FakeEngine } from '../support/fake-engine.js';
import { testServer } from '../support/server.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';

async function traced(
  t: Test,
  payload: object,
  traceparent?: string,
  path = '/v1/completions',
): Promise<Span[]> {
  const spans: Span[] = [];
  const sink = { add: (some: readonly Span[]) => spans.push(...some) };
  const app = testServer({ spans: sink, engine: new FakeEngine({ numCachedTokens: 1 }) });
  t.teardown(() => app.close());
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const headers = {
    'content-type': 'application/json',
    ...(traceparent === undefined ? {} : { traceparent }),
  };
  await (await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(payload) })).text();
  await sleep(50);
  return spans;
}

function attributesOf(span: Span | undefined): Readonly<Record<string, object>> {
  return Object.fromEntries((span?.attributes ?? []).map(({ key, value }) => [key, value]));
}

t.test('a request is a span, with queue, prefill and decode below it', async (t) => {
  const spans = await traced(t, { prompt: 'Hi', max_tokens: 3, temperature: 0.5, ignore_eos: true });
  const [root, ...steps] = spans;
  t.match(root, { name: 'text_completion fable', kind: 2, status: { code: 0 } });
  t.equal(root?.parentSpanId, undefined);
  t.strictSame(
    steps.map(({ name }) => name),
    ['queue', 'prefill', 'decode'],
  );
  for (const step of steps) t.match(step, { traceId: root?.traceId, parentSpanId: root?.spanId, kind: 1 });
  t.equal(new Set(spans.map(({ spanId }) => spanId)).size, 4);
  const [queue, prefill, decode] = steps.map((span) => ({
    start: BigInt(span.startTimeUnixNano),
    end: BigInt(span.endTimeUnixNano),
  }));
  // The fake engine queues for 250 ms and computes the prompt in 500 ms; times are written in microseconds.
  t.equal((queue?.end ?? 0n) - (queue?.start ?? 0n), 250_000_000n);
  t.equal((prefill?.end ?? 0n) - (prefill?.start ?? 0n), 500_000_000n);
  t.equal(queue?.end, prefill?.start);
  t.equal(prefill?.end, decode?.start);
  // Unix time: this year, not the process's own clock.
  t.ok(Math.abs(Number((decode?.end ?? 0n) / 1_000_000n) - Date.now()) < 60_000);
});

t.test('its attributes are those of generative AI and HTTP', async (t) => {
  const [root, , prefill, decode] = await traced(t, {
    prompt: 'Hi',
    max_tokens: 3,
    temperature: 0.5,
    ignore_eos: true,
  });
  t.match(attributesOf(root), {
    'gen_ai.operation.name': { stringValue: 'text_completion' },
    'gen_ai.provider.name': { stringValue: 'halflight' },
    'gen_ai.request.model': { stringValue: 'fable' },
    'gen_ai.request.max_tokens': { intValue: '3' },
    'gen_ai.request.temperature': { doubleValue: 0.5 },
    'gen_ai.usage.output_tokens': { intValue: '3' },
    'gen_ai.response.finish_reasons': { arrayValue: { values: [{ stringValue: 'length' }] } },
    'gen_ai.response.id': { stringValue: /^cmpl-/ },
    'http.response.status_code': { intValue: '200' },
    'url.path': { stringValue: '/v1/completions' },
  });
  t.match(attributesOf(prefill), { 'gen_ai.usage.cache_read.input_tokens': { intValue: '1' } });
  t.match(attributesOf(decode), { 'gen_ai.usage.output_tokens': { intValue: '3' } });
});

t.test('each of several answers has steps of its own; a chat is one too', async (t) => {
  const spans = await traced(t, { prompt: 'Hi', max_tokens: 2, n: 2 });
  t.equal(spans.filter(({ name }) => name === 'decode').length, 2);
  const messages = [{ role: 'user', content: 'Hi' }];
  const [chat] = await traced(t, { messages, max_tokens: 2 }, undefined, '/v1/chat/completions');
  t.equal(chat?.name, 'chat fable');
});

t.test('a trace that began elsewhere goes on', async (t) => {
  const [root] = await traced(t, { prompt: 'Hi', max_tokens: 1 }, `00-${TRACE}-${PARENT}-01`);
  t.match(root, { traceId: TRACE, parentSpanId: PARENT });
});

t.test('what is not recorded elsewhere is not recorded here, and what is refused is no answer', async (t) => {
  t.strictSame(await traced(t, { prompt: 'Hi', max_tokens: 1 }, `00-${TRACE}-${PARENT}-00`), []);
  t.strictSame(await traced(t, { prompt: 'Hi', max_tokens: -1 }), []);
});

t.test('a header that is broken begins a trace', async (t) => {
  const zero = '0'.repeat(32);
  for (const header of [
    undefined,
    '',
    'x',
    `00-${zero}-${PARENT}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `ff-${TRACE}`,
  ]) {
    const context = traceContext(header);
    t.match(context, { traceId: /^[0-9a-f]{32}$/, parentSpanId: null });
    t.not(context?.traceId, TRACE);
  }
});

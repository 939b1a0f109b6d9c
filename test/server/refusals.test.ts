import type { FastifyInstance } from 'fastify';
import t from 'tap';
import { ERRORS } from '#halflight/errors.js';
import { FakeEngine } from '../support/fake-engine.js';
import { CHAT, COMPLETIONS, messages, REFUSALS } from '../support/refusals.js';
import { testServer } from '../support/server.js';

for (const { name, url = COMPLETIONS, body, code, param, says } of REFUSALS) {
  t.test(`refuses ${name}, streaming or not`, async (t) => {
    const app = testServer();
    const bodies = Array.isArray(body) ? [body] : [body, { stream: true, ...(body as object) }];
    for (const payload of name === 'stream options without a stream' ? [body] : bodies) {
      const reply = await app.inject({ method: 'POST', url, payload: payload as object });
      t.equal(reply.statusCode, ERRORS[code].status, reply.body);
      t.same(Object.keys(reply.json()), ['error']);
      t.same(Object.keys(reply.json().error), ['message', 'type', 'param', 'code']);
      t.match(reply.json().error, {
        code,
        type: ERRORS[code].type,
        ...(param === undefined ? {} : { param }),
      });
      if (says !== undefined) t.match(reply.json().error.message, says);
      t.ok(reply.headers['x-request-id']);
    }
  });
}

t.test('tolerates neutral values, null and unknown fields', async (t) => {
  const neutral = {
    n: 1,
    best_of: 1,
    echo: false,
    logprobs: null,
    presence_penalty: 0,
    frequency_penalty: 0,
    logit_bias: {},
    repetition_penalty: 1,
    suffix: null,
    user: 'u',
    tools: [],
    response_format: { type: 'text' },
    nonsense: { a: 1 },
    temperature: null,
    stop: null,
    stream_options: null,
    max_tokens: null,
    seed: null,
    model: null,
  };
  const app = testServer();
  t.equal(
    (await app.inject({ method: 'POST', url: COMPLETIONS, payload: { prompt: 'Hi', ...neutral } }))
      .statusCode,
    200,
  );
  t.equal(
    (await app.inject({ method: 'POST', url: CHAT, payload: { messages, ...neutral } })).statusCode,
    200,
  );
});

async function refusalOf(app: FastifyInstance, payload: string, type = 'application/json') {
  const reply = await app.inject({
    method: 'POST',
    url: COMPLETIONS,
    payload,
    headers: { 'content-type': type },
  });
  return { status: reply.statusCode, ...reply.json().error };
}

t.test('refuses bodies that are no JSON object', async (t) => {
  const app = testServer();
  t.match(await refusalOf(app, '{"prompt": "secret'), {
    status: 400,
    code: 'invalid_json',
    message: /^((?!secret).)*$/,
  });
  t.match(await refusalOf(app, ''), { status: 400, code: 'invalid_json' });
  t.match(await refusalOf(app, 'null'), { status: 400, code: 'invalid_json' });
  t.match(await refusalOf(app, '"a"'), { status: 400, code: 'invalid_json' });
  t.match(await refusalOf(app, 'prompt=a', 'text/plain'), { status: 415, code: 'unsupported_media_type' });
  t.match(await refusalOf(app, JSON.stringify({ prompt: 'a'.repeat(2 ** 21) })), {
    status: 413,
    code: 'body_too_large',
  });
});

t.test('bounds the depth of a body without a deep stack', async (t) => {
  const app = testServer();
  const nested = (depth: number) => `{"prompt": "Hi", "x": ${'['.repeat(depth)}${']'.repeat(depth)}}`;
  t.match(await refusalOf(app, nested(900_000)), { status: 400, code: 'invalid_json', message: /64/ });
  t.match(await refusalOf(app, nested(64)), { status: 400, code: 'invalid_json' });
  const reply = await app.inject({
    method: 'POST',
    url: COMPLETIONS,
    payload: nested(63),
    headers: { 'content-type': 'application/json' },
  });
  t.equal(reply.statusCode, 200);
  const brackets = await app.inject({
    method: 'POST',
    url: COMPLETIONS,
    payload: { prompt: `Hi \\"${'['.repeat(99)}` },
  });
  t.equal(brackets.json().error?.code, undefined);
});

t.test('refuses unknown routes and wrong methods', async (t) => {
  const app = testServer();
  t.match((await app.inject('/nothing')).json(), { error: { code: 'route_not_found', param: null } });
  t.match((await app.inject('/%zz')).json(), { error: { code: 'route_not_found', param: null } });
  const wrong = await app.inject({ method: 'GET', url: COMPLETIONS });
  t.equal(wrong.statusCode, 405);
  t.equal(wrong.headers.allow, 'POST');
  t.match(wrong.json(), { error: { code: 'method_not_allowed', param: null } });
  t.equal((await app.inject({ method: 'POST', url: '/health', payload: 'x' })).statusCode, 405);
  t.equal((await app.inject({ method: 'DELETE', url: '/v1/models/fable' })).statusCode, 405);
});

t.test('refuses work where it is not ready', async (t) => {
  for (const [phase, code] of [
    ['loading', 'not_ready'],
    ['draining', 'not_ready'],
    ['failed', 'engine_failed'],
  ] as const) {
    const reply = await testServer({ state: { phase } }).inject({
      method: 'POST',
      url: COMPLETIONS,
      payload: { prompt: 'Hi' },
    });
    t.equal(reply.statusCode, 503);
    t.equal(reply.json().error.code, code);
    t.match(reply.headers['retry-after'], /^\d+$/);
  }
});

t.test('refuses what the queue has no place for, and takes work again afterwards', async (t) => {
  const engine = new FakeEngine({ delayMs: 5, info: { maxNumSeqs: 2 } });
  const app = testServer({ engine, maxQueuedRequests: 1 });
  const post = () =>
    app.inject({ method: 'POST', url: COMPLETIONS, payload: { prompt: 'Hi', max_tokens: 5 } });
  const replies = await Promise.all([post(), post(), post(), post(), post()]);
  t.same(replies.map((reply) => reply.statusCode).sort(), [200, 200, 200, 429, 429]);
  const refused = replies.find((reply) => reply.statusCode === 429);
  t.equal(refused?.json().error.code, 'queue_full');
  t.match(refused?.headers['retry-after'], /^[1-9]\d*$/);
  t.equal((await post()).statusCode, 200);
  const tooMany = await app.inject({
    method: 'POST',
    url: COMPLETIONS,
    payload: { prompt: ['a', 'b', 'c', 'd'] },
  });
  t.equal(tooMany.statusCode, 400);
});

t.test('hides what it did not foresee', async (t) => {
  const engine = new FakeEngine();
  engine.generate = () => {
    throw new TypeError('secret detail');
  };
  const reply = await testServer({ engine }).inject({
    method: 'POST',
    url: COMPLETIONS,
    payload: { prompt: 'Hi' },
  });
  t.equal(reply.statusCode, 500);
  t.equal(reply.json().error.code, 'internal_error');
  t.notMatch(reply.body, /secret/);
});

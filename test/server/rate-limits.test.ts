import type { FastifyInstance } from 'fastify';
import t from 'tap';
import { formatDuration } from '#halflight/server/rate-limits.js';
import { testKeys, testServer } from '../support/server.js';

const prompt = [5, 6, 7];

function ask(app: FastifyInstance, key: string, payload: object = { prompt, max_tokens: 1 }) {
  const headers = { authorization: `Bearer ${key}` };
  return app.inject({ method: 'POST', url: '/v1/completions', headers, payload });
}

t.test('a key sends so many requests a minute, and the next is told when to come back', async (t) => {
  const clock = { ms: Date.now() };
  t.intercept(Date, 'now', { value: () => clock.ms });
  const app = testServer({ apiKeys: testKeys(['ann', 'bob']), requestsPerMinute: 2 });
  const first = await ask(app, 'ann');
  t.equal(first.statusCode, 200);
  t.match(first.headers, {
    'x-ratelimit-limit-requests': '2',
    'x-ratelimit-remaining-requests': '1',
    'x-ratelimit-reset-requests': '1m0s',
  });
  clock.ms += 20_500;
  t.match((await ask(app, 'ann')).headers, {
    'x-ratelimit-remaining-requests': '0',
    'x-ratelimit-reset-requests': '39.5s',
  });
  const third = await ask(app, 'ann');
  t.equal(third.statusCode, 429);
  t.strictSame(third.json(), {
    error: {
      message: 'The limit of 2 requests per minute is reached.',
      type: 'rate_limit_error',
      param: null,
      code: 'rate_limit_exceeded',
    },
  });
  t.match(third.headers, { 'retry-after': '40', 'x-ratelimit-remaining-requests': '0' });
  t.equal((await ask(app, 'bob')).statusCode, 200, 'another key has its own limit');
  clock.ms += 40_000;
  t.equal((await ask(app, 'ann')).statusCode, 200, 'a minute later');
});

t.test('what only reads counts for nothing, nor does a wrong key', async (t) => {
  const app = testServer({ apiKeys: testKeys(['ann']), requestsPerMinute: 1, tokensPerMinute: 10 });
  for (let i = 0; i < 5; i++) {
    const read = await app.inject({ url: '/metrics', headers: { authorization: 'Bearer ann' } });
    t.equal(read.statusCode, 200);
    t.notOk(Object.keys(read.headers).some((name) => name.startsWith('x-ratelimit')));
    t.equal((await ask(app, 'wrong')).statusCode, 401);
  }
  t.equal((await ask(app, 'ann')).statusCode, 200);
});

t.test('every POST counts, on every route and where there is none', async (t) => {
  const app = testServer({ apiKeys: testKeys(['ann']), requestsPerMinute: 1 });
  await ask(app, 'ann');
  for (const url of ['/v1/chat/completions', '/v1/responses', '/tokenize', '/health', '/nothing']) {
    const reply = await app.inject({ method: 'POST', url, headers: { 'x-api-key': 'ann' }, payload: {} });
    t.equal(reply.statusCode, 429, url);
    t.strictSame(Object.keys(reply.json().error), ['message', 'type', 'param', 'code']);
  }
  const url = '/v1/messages';
  const reply = await app.inject({ method: 'POST', url, headers: { 'x-api-key': 'ann' }, payload: {} });
  t.match(reply.json(), { type: 'error', error: { type: 'rate_limit_error', code: 'rate_limit_exceeded' } });
});

t.test('where no key is asked for, all callers share a limit', async (t) => {
  const app = testServer({ requestsPerMinute: 1 });
  const payload = { prompt, max_tokens: 1 };
  const status = async (remoteAddress: string) =>
    (await app.inject({ method: 'POST', url: '/v1/completions', remoteAddress, payload })).statusCode;
  t.strictSame([await status('192.0.2.1'), await status('192.0.2.2')], [200, 429]);
});

t.test('without limits no reply tells of any', async (t) => {
  const { headers } = await ask(testServer(), 'ann');
  t.notOk(Object.keys(headers).some((name) => name.startsWith('x-ratelimit')));
});

t.test('durations are written as OpenAI writes them', (t) => {
  const durations: readonly (readonly [number, string])[] = [
    [0, '0ms'],
    [0.2, '1ms'],
    [120, '120ms'],
    [999.5, '1s'],
    [1500, '1.5s'],
    [59_999.5, '1m0s'],
    [360_000, '6m0s'],
    [90_500, '1m30.5s'],
  ];
  for (const [ms, text] of durations) t.equal(formatDuration(ms), text);
  t.end();
});

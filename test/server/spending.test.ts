import type { FastifyInstance } from 'fastify';
import t from 'tap';
import { Admission } from '#halflight/server/admission.js';
import { Metrics } from '#halflight/server/metrics.js';
import { admitCall, type Call } from '#halflight/server/spending.js';
import { testKeys, testServer } from '../support/server.js';

const prompt = [5, 6, 7];

function ask(app: FastifyInstance, key: string, payload: object, url = '/v1/completions') {
  return app.inject({ method: 'POST', url, headers: { authorization: `Bearer ${key}` }, payload });
}

/** Tokens come back at one a second or less: within these tests fewer than one does. */
const tokensPerMinute = 60;

t.test('prompt and answer are taken from the tokens of a key', async (t) => {
  const app = testServer({ apiKeys: testKeys(['ann', 'bob']), tokensPerMinute });
  const first = await ask(app, 'ann', { prompt, max_tokens: 17 });
  t.match(first.headers, {
    'x-ratelimit-limit-tokens': '60',
    'x-ratelimit-remaining-tokens': '57',
    'x-ratelimit-reset-tokens': /^[23](\.\d+)?s$/,
  });
  const second = await ask(app, 'ann', { prompt: Array(41).fill(5), max_tokens: 1 });
  t.equal(second.statusCode, 429, 'of 60 tokens 40 are left, and less than one comes back meanwhile');
  t.match(second.json(), { error: { code: 'rate_limit_exceeded', type: 'rate_limit_error', param: null } });
  t.match(second.headers, { 'retry-after': '1', 'x-ratelimit-remaining-tokens': '40' });
  t.equal((await ask(app, 'bob', { prompt: Array(41).fill(5), max_tokens: 1 })).statusCode, 200);
});

t.test('an answer may take more than is left, and the next request waits', async (t) => {
  const app = testServer({ apiKeys: testKeys(['ann']), tokensPerMinute: 10 });
  t.equal((await ask(app, 'ann', { prompt, max_tokens: 100 })).json().usage.completion_tokens, 100);
  const next = await ask(app, 'ann', { prompt, max_tokens: 1 });
  t.equal(next.statusCode, 429);
  // 93 below zero, and 3 for the prompt, at 6 s each: 576 s; the answer itself took less than 6 s.
  t.match(next.headers['retry-after'], /^57[0-6]$/);
});

t.test('a prompt of more tokens than a minute has is refused for good', async (t) => {
  const app = testServer({ tokensPerMinute: 2 });
  const reply = await ask(app, '', { prompt, max_tokens: 1 });
  t.equal(reply.statusCode, 400);
  t.match(reply.json(), { error: { code: 'invalid_value', message: /has 3 tokens; 2 may be spent/ } });
});

t.test('a request that is refused spends nothing', async (t) => {
  const app = testServer({ tokensPerMinute, maxQueued: 0 });
  t.equal((await ask(app, '', { prompt: Array(9).fill(prompt), max_tokens: 1 })).statusCode, 400);
  t.equal((await ask(app, '', { prompt, temperature: 9 })).statusCode, 400);
  const { headers } = await ask(app, '', { prompt, max_tokens: 1 });
  t.equal(headers['x-ratelimit-remaining-tokens'], '57');
});

t.test('a stream tells what is left too', async (t) => {
  const app = testServer({ tokensPerMinute });
  const { headers } = await ask(app, '', { prompt, max_tokens: 5, stream: true });
  t.equal(headers['x-ratelimit-remaining-tokens'], '57');
});

t.test('answers to one prompt spend its tokens once, and chats spend alike', async (t) => {
  const app = testServer({ tokensPerMinute });
  const many = await ask(app, '', { prompt, n: 3, max_tokens: 1 });
  t.equal(many.headers['x-ratelimit-remaining-tokens'], '57');
  const messages = [{ role: 'user', content: 'Hi' }];
  const chat = await ask(app, '', { messages, max_tokens: 1 }, '/v1/chat/completions');
  const left = 57 - 3 - chat.json().usage.prompt_tokens;
  t.equal(chat.headers['x-ratelimit-remaining-tokens'], String(left));
});

t.test('a client that has gone while its prompt was made takes no place and no token', (t) => {
  const metrics = new Metrics('fable', 16);
  t.teardown(() => metrics.close());
  const admission = new Admission({ maxRunning: 1, maxQueued: 0 });
  const gone = { request: { keyName: null, startMs: 0 }, reply: { raw: { closed: true } }, budgets: null };
  const size = { numSequences: 1, numPromptTokens: 3 };
  const { controller, timers } = admitCall(
    { admission, metrics },
    gone as unknown as Call,
    size,
    (onToken) => [metrics.startRequest(0, 3, 5, onToken)],
  );
  t.ok(controller.signal.aborted);
  t.equal(admission.numAdmitted, 0);
  t.equal(timers[0]?.timing().reason, 'abort');
  t.end();
});

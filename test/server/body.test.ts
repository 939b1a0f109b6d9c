import type { FastifyInstance } from 'fastify';
import t from 'tap';
import { MAX_BODY_DEPTH, parseBody } from '#halflight/server/body.js';
import { COMPLETIONS } from '../support/refusals.js';
import { testServer } from '../support/server.js';

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

t.test('counts the levels that are open at once, outside of strings', (t) => {
  const inside = (text: string) => `{"x": ${text}}`;
  const deep = MAX_BODY_DEPTH - 1;
  const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
  t.doesNotThrow(() => parseBody(inside(nested(deep))));
  t.throws(() => parseBody(inside(nested(deep + 1))), { code: 'invalid_json', message: /64 levels/ });
  t.doesNotThrow(() => parseBody(inside(`[${Array(200).fill('[]').join()}]`)), 'side by side');
  const quoted = JSON.stringify(`\\"${'['.repeat(99)}\\`);
  t.doesNotThrow(() => parseBody(inside(quoted)), 'in a string');
  t.throws(() => parseBody(inside(`[${quoted}, ${nested(deep)}]`)), { message: /64 levels/ }, 'after it');
  t.end();
});

t.test('takes other JSON types of an application, and no type that only looks like it', async (t) => {
  const app = testServer();
  for (const [type, status] of [
    ['application/json; charset=utf-8', 200],
    ['application/vnd.api+json', 200],
    ['Application/JSON', 200],
    ['application/jsonx', 415],
    ['text/json', 415],
  ] as const) {
    const headers = { 'content-type': type };
    const payload = '{"prompt": "Hi"}';
    const reply = await app.inject({ method: 'POST', url: COMPLETIONS, payload, headers });
    t.equal(reply.statusCode, status, type);
  }
});

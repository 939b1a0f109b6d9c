import t from 'tap';
import { ERRORS } from '#halflight/errors.js';
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
    top_logprobs: null,
    prompt_logprobs: null,
    min_tokens: 0,
    bad_words: [],
    allowed_token_ids: null,
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

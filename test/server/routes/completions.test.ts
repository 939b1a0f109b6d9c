import t from 'tap';
import { FakeEngine } from '../../support/fake-engine.js';
import { chunks, events, script, testServer, tokenizer } from '../../support/server.js';

const url = '/v1/completions';

t.test('answers a prompt', async (t) => {
  const engine = new FakeEngine({ script: script('Once upon a time.') });
  const reply = await testServer({ engine }).inject({
    method: 'POST',
    url,
    payload: { model: 'fable', prompt: 'Hi', max_tokens: 50 },
  });
  t.equal(reply.statusCode, 200);
  const numPrompt = tokenizer.encode('Hi', { addSpecialTokens: true, parseSpecialTokens: true }).length;
  const numAnswer = script('Once upon a time.').length;
  t.match(reply.json(), {
    id: /^cmpl-/,
    object: 'text_completion',
    created: Number,
    model: 'fable',
    choices: [{ index: 0, text: 'Once upon a time.', logprobs: null, finish_reason: 'stop' }],
    usage: {
      prompt_tokens: numPrompt,
      completion_tokens: numAnswer,
      total_tokens: numPrompt + numAnswer,
      prompt_tokens_details: { cached_tokens: 0 },
    },
  });
});

t.test('fills in the defaults', async (t) => {
  const engine = new FakeEngine();
  const reply = await testServer({ engine }).inject({ method: 'POST', url, payload: { prompt: 'Hi' } });
  t.equal(reply.json().choices[0].finish_reason, 'length');
  t.match(engine.requests[0]?.sampling, {
    maxTokens: 16,
    temperature: 1,
    topK: 0,
    topP: 1,
    minP: 0,
    ignoreEos: false,
    stopTokenIds: [],
  });
});

t.test('passes the parameters on', async (t) => {
  const engine = new FakeEngine();
  const payload = {
    prompt: [5, 6],
    max_tokens: 3,
    temperature: 1e-30,
    top_k: -1,
    top_p: 0.5,
    min_p: 0.1,
    seed: -1,
    ignore_eos: true,
    stop_token_ids: [9],
  };
  await testServer({ engine }).inject({ method: 'POST', url, payload });
  t.same(engine.requests[0]?.promptTokenIds, [5, 6]);
  t.same(engine.requests[0]?.sampling, {
    maxTokens: 3,
    temperature: 0.01,
    topK: 0,
    topP: 0.5,
    minP: 0.1,
    seed: 2n ** 64n - 1n,
    ignoreEos: true,
    stopTokenIds: [9],
  });
});

t.test('parses special tokens in a prompt', async (t) => {
  const engine = new FakeEngine();
  await testServer({ engine }).inject({ method: 'POST', url, payload: { prompt: '<|im_start|>' } });
  t.same(engine.requests[0]?.promptTokenIds, [1]);
});

t.test('streams what it would answer whole', async (t) => {
  const text = 'Hello 🙂 wörld, 日本 ok.';
  const app = testServer({ engine: new FakeEngine({ script: script(text) }) });
  const payload = { prompt: 'Hi', max_tokens: 100 };
  const whole = (await app.inject({ method: 'POST', url, payload })).json();
  const reply = await app.inject({ method: 'POST', url, payload: { ...payload, stream: true } });
  t.match(reply.headers['content-type'], /^text\/event-stream/);
  t.equal(events(reply.body).at(-1), '[DONE]');
  const parts = chunks(reply.body);
  t.equal(parts.map((part) => part.choices[0]?.text).join(''), whole.choices[0].text);
  t.equal(whole.choices[0].text, text);
  t.same(parts.map((part) => part.choices[0]?.finish_reason).filter(Boolean), ['stop']);
  t.equal(parts.at(-1)?.choices[0]?.finish_reason, 'stop');
  t.equal(new Set(parts.map((part) => part.id)).size, 1);
  t.notOk(parts.some((part) => 'usage' in part));
  t.notOk(parts.slice(0, -1).some((part) => part.choices[0]?.text === ''));
});

t.test('sends one chunk per token', async (t) => {
  const reply = await testServer({ engine: new FakeEngine({ script: [70, 71, 72, 73, 74, 75] }) }).inject({
    method: 'POST',
    url,
    payload: { prompt: 'Hi', stream: true },
  });
  t.equal(chunks(reply.body).length, 6);
});

t.test('sends the usage in a chunk of its own when asked', async (t) => {
  const payload = { prompt: [5, 6], max_tokens: 4, stream: true, stream_options: { include_usage: true } };
  const parts = chunks((await testServer().inject({ method: 'POST', url, payload })).body);
  t.same(parts.at(-1)?.choices, []);
  const prompt_tokens_details = { cached_tokens: 0 };
  const usage = { prompt_tokens: 2, completion_tokens: 4, total_tokens: 6, prompt_tokens_details };
  t.same(parts.at(-1)?.usage, usage);
  t.ok(parts.slice(0, -1).every((part) => part.usage === null));
});

t.test('never lets a stop string out, streaming or not', async (t) => {
  const app = testServer({ engine: new FakeEngine({ script: script('one two three four') }) });
  for (const [stop, expected] of [
    ['two th', 'one '],
    [['zzz', 'o t'], 'one tw'],
    ['r', 'one two th'],
    ['fourx', 'one two three four'],
  ] as const) {
    const payload = { prompt: 'Hi', max_tokens: 100, stop };
    const whole = (await app.inject({ method: 'POST', url, payload })).json();
    t.match(whole.choices[0], { text: expected, finish_reason: 'stop' });
    const parts = chunks(
      (await app.inject({ method: 'POST', url, payload: { ...payload, stream: true } })).body,
    );
    t.equal(parts.map((part) => part.choices[0]?.text).join(''), expected);
    t.equal(parts.at(-1)?.choices[0]?.finish_reason, 'stop');
  }
});

t.test('frees the sequence that a stop string ended', async (t) => {
  const engine = new FakeEngine({ script: script('one two three four') });
  await testServer({ engine }).inject({
    method: 'POST',
    url,
    payload: { prompt: 'Hi', stop: 'two', max_tokens: 90 },
  });
  t.equal(engine.numRunning, 0);
  t.equal(engine.numAborted, 1);
});

t.test('answers several prompts with one choice each', async (t) => {
  const app = testServer();
  const prompts = ['a story', 'a fable', 'the end'];
  const alone = await Promise.all(
    prompts.map(
      async (prompt) =>
        (await app.inject({ method: 'POST', url, payload: { prompt } })).json().choices[0].text,
    ),
  );
  const together = (await app.inject({ method: 'POST', url, payload: { prompt: prompts } })).json();
  t.same(
    together.choices.map((choice: { text: string }) => choice.text),
    alone,
  );
  const parts = chunks(
    (await app.inject({ method: 'POST', url, payload: { prompt: prompts, stream: true } })).body,
  );
  prompts.forEach((_, index) => {
    const own = parts.flatMap((part) => part.choices).filter((choice) => choice.index === index);
    t.equal(own.map((choice) => choice.text).join(''), alone[index]);
  });
  t.equal(
    (await app.inject({ method: 'POST', url, payload: { prompt: [[5, 6], [7]] } })).json().choices.length,
    2,
  );
});

t.test('answers under the name it was asked by', async (t) => {
  const reply = await testServer().inject({
    method: 'POST',
    url,
    payload: { model: 'org/other', prompt: 'Hi' },
  });
  t.equal(reply.json().model, 'org/other');
});

t.test('tells of a failure before the first token by the status', async (t) => {
  const app = testServer({ engine: new FakeEngine({ failAfter: 0 }) });
  for (const stream of [true, false]) {
    const reply = await app.inject({ method: 'POST', url, payload: { prompt: 'Hi', stream } });
    t.equal(reply.statusCode, 503);
    t.equal(reply.json().error.code, 'engine_failed');
  }
});

t.test('tells of a failure in mid-stream by an event', async (t) => {
  const app = testServer({ engine: new FakeEngine({ script: [70, 71, 72, 73], failAfter: 2 }) });
  const reply = await app.inject({ method: 'POST', url, payload: { prompt: 'Hi', stream: true } });
  const sent = events(reply.body);
  t.equal(sent.length, 4);
  t.match(JSON.parse(sent[2] ?? ''), {
    error: { code: 'engine_failed', type: 'server_error', param: null, message: String },
  });
  t.equal(sent[3], '[DONE]');
});

t.test(
  'n answers to each prompt: choices in order, seeds that count up, and each prompt counted once',
  async (t) => {
    const engine = new FakeEngine();
    const payload = { prompt: [[5, 6], [7]], n: 3, max_tokens: 2, seed: 40, ignore_eos: true };
    const reply = (await testServer({ engine }).inject({ method: 'POST', url, payload })).json();
    t.same(
      reply.choices.map(({ index }: { index: number }) => index),
      [0, 1, 2, 3, 4, 5],
    );
    t.same(
      engine.requests.map(({ promptTokenIds, sampling }) => [promptTokenIds.length, sampling.seed]),
      [2, 2, 2, 1, 1, 1].map((length, i) => [length, BigInt(40 + (i % 3))]),
    );
    t.match(reply.usage, { prompt_tokens: 3, completion_tokens: 12, total_tokens: 15 });
  },
);

t.test('n is bounded', async (t) => {
  for (const n of [0, 9, 1.5]) {
    const reply = await testServer().inject({ method: 'POST', url, payload: { prompt: 'Hi', n } });
    t.equal(reply.statusCode, 400);
    t.match(reply.json().error, { param: 'n', message: 'n must be an integer from 1 to 8.' });
  }
});

t.test('priority and cache salt reach the engine', async (t) => {
  const engine = new FakeEngine();
  const payload = { prompt: 'Hi', max_tokens: 1, priority: -3, cache_salt: 'team a' };
  await testServer({ engine }).inject({ method: 'POST', url, payload });
  t.match(engine.requests, [{ priority: -3, cacheSalt: 'team a' }]);
});

t.test('each change to the logits reaches the engine', async (t) => {
  const engine = new FakeEngine();
  const payload = {
    prompt: 'Hi',
    max_tokens: 4,
    presence_penalty: 0.5,
    frequency_penalty: -0.5,
    repetition_penalty: 1.5,
    logit_bias: { 7: -3 },
    min_tokens: 4,
    bad_words: ['<|im_end|>'],
    allowed_token_ids: [7, 8],
    logprobs: 2,
    prompt_logprobs: 3,
  };
  await testServer({ engine }).inject({ method: 'POST', url, payload });
  t.match(engine.requests[0]?.sampling, {
    logits: {
      presencePenalty: 0.5,
      frequencyPenalty: -0.5,
      repetitionPenalty: 1.5,
      logitBias: [[7, -3]],
      minTokens: 4,
      badWords: [[2]],
      allowedTokenIds: [7, 8],
    },
    numLogprobs: 2,
    numPromptLogprobs: 3,
  });
});

t.test('tells of the tokens in the same way, streamed and whole', async (t) => {
  const text = 'Hello 🙂 wörld, 日本 ok.';
  const app = testServer({ engine: new FakeEngine({ script: script(text), logprob: -Infinity }) });
  for (const stop of [null, '日本', 'k.xx']) {
    const payload = { prompt: 'Hi', max_tokens: 100, logprobs: 2, stop };
    const [whole] = (await app.inject({ method: 'POST', url, payload })).json().choices;
    const { body } = await app.inject({ method: 'POST', url, payload: { ...payload, stream: true } });
    const parts = chunks(body).map(({ choices: [choice] }) => choice?.logprobs);
    for (const key of ['tokens', 'token_logprobs', 'top_logprobs', 'text_offset'] as const) {
      t.strictSame(
        parts.flatMap((part) => part?.[key] ?? []),
        whole.logprobs[key],
        key,
      );
    }
    t.equal(whole.logprobs.token_logprobs[0], -9999);
    t.ok(whole.text.startsWith('Hello'));
    const characters = [...(stop === '日本' ? text : whole.text)];
    whole.logprobs.tokens.forEach((token: string, i: number) => {
      const start = whole.logprobs.text_offset[i];
      const shown = characters.slice(start, start + [...token].length).join('');
      if (!/\uFFFD|<\|/.test(token)) t.equal(shown, token);
    });
  }
});

t.test('tells of as many tokens as it counts', async (t) => {
  const app = testServer({ engine: new FakeEngine({ script: script('one two three') }) });
  for (const stop of [null, 'two']) {
    const payload = { prompt: 'Hi', max_tokens: 100, logprobs: 0, stop };
    const { choices, usage } = (await app.inject({ method: 'POST', url, payload })).json();
    t.equal(choices[0].logprobs.tokens.length, usage.completion_tokens);
    t.ok(choices[0].logprobs.top_logprobs.every((top: object) => Object.keys(top).length === 1));
  }
});

t.test('tells of the prompt in each choice', async (t) => {
  const payload = { prompt: [[5, 6, 7], [8]], n: 2, max_tokens: 1, prompt_logprobs: 1 };
  const { choices } = (await testServer().inject({ method: 'POST', url, payload })).json();
  t.match(choices, [
    { prompt_logprobs: [null, { 6: { rank: 1 } }, { 7: { rank: 99 }, 8: { rank: 1 } }], logprobs: null },
    { prompt_logprobs: [null, { 6: { rank: 1 } }, { 7: { rank: 99 }, 8: { rank: 1 } }] },
    { prompt_logprobs: [null] },
    { prompt_logprobs: [null] },
  ]);
  const plain = { prompt: 'Hi', max_tokens: 1 };
  const [choice] = (await testServer().inject({ method: 'POST', url, payload: plain })).json().choices;
  t.notOk('prompt_logprobs' in choice);
});

import t from 'tap';
import { FakeEngine } from '../../support/fake-engine.js';
import { testModels, testServer, tokenizer } from '../../support/server.js';

const url = '/v1/embeddings';
const encode = (text: string, addSpecialTokens = true) =>
  tokenizer.encode(text, { addSpecialTokens, parseSpecialTokens: true });

async function post(payload: object, engine = new FakeEngine()) {
  const reply = await testServer({ engine }).inject({ method: 'POST', url, payload });
  return { status: reply.statusCode, body: reply.json(), headers: reply.headers };
}

t.test('answers in OpenAI’s form', async (t) => {
  const { status, body, headers } = await post({ model: 'fable', input: [[2, 1]], normalize: false });
  t.equal(status, 200);
  t.match(headers['content-type'], /^application\/json/);
  t.strictSame(body, {
    object: 'list',
    data: [{ object: 'embedding', index: 0, embedding: [3, 2, 1, 1, 1, 1, 1, 1] }],
    model: 'fable',
    usage: { prompt_tokens: 2, total_tokens: 2 },
  });
});

t.test('takes the four shapes of an input, in their order', async (t) => {
  for (const [input, expected] of [
    ['Hi', [encode('Hi')]],
    [
      ['Hi', 'Ho'],
      [encode('Hi'), encode('Ho')],
    ],
    [[5, 6], [[5, 6]]],
    [
      [[5, 6], [7]],
      [[5, 6], [7]],
    ],
  ] as const) {
    const engine = new FakeEngine();
    const { body } = await post({ input }, engine);
    t.same(
      engine.embedRequests.map(({ promptTokenIds }) => promptTokenIds),
      expected,
    );
    t.equal(body.data.length, expected.length);
  }
});

t.test('numbers come as floats or as their bytes, of length 1, cut off where asked', async (t) => {
  const input = [2, 1];
  const whole = (await post({ input })).body.data[0].embedding;
  t.ok(Math.abs(Math.hypot(...whole) - 1) < 1e-7);
  const { embedding } = (await post({ input, encoding_format: 'base64' })).body.data[0];
  const bytes = Buffer.from(embedding, 'base64');
  t.same(
    Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i)),
    whole.map(Math.fround),
  );
  const cut = (await post({ input, dimensions: 2 })).body.data[0].embedding;
  t.same(
    cut.map((value: number) => value.toFixed(6)),
    [3 / Math.sqrt(13), 2 / Math.sqrt(13)].map((v) => v.toFixed(6)),
  );
});

t.test('passes on how a text is read, and where it goes', async (t) => {
  const engine = new FakeEngine();
  const input = 'Once upon a time there was';
  await post(
    {
      input,
      add_special_tokens: false,
      truncate_prompt_tokens: 2,
      priority: -3,
      cache_salt: 's',
      request_id: 'x',
    },
    engine,
  );
  t.strictSame(engine.embedRequests, [
    {
      id: 'embd-x-0',
      promptTokenIds: encode(input, false).slice(-2),
      priority: -3,
      cacheSalt: 's',
      pooling: 'mean',
    },
  ]);
  await post({ input: Array(200).fill(7), truncate_prompt_tokens: -1 }, engine);
  t.equal(
    engine.embedRequests[1]?.promptTokenIds.length,
    engine.info.maxModelLen,
    'no room is left for an answer',
  );
});

t.test('pools as the model is served, with the adapter that was asked for', async (t) => {
  const engine = new FakeEngine();
  const models = testModels({ engine, pooling: 'last' });
  const app = testServer({ models });
  await app.inject({ method: 'POST', url, payload: { input: 'Hi' } });
  t.match(engine.embedRequests, [{ pooling: 'last' }]);
});

t.test('what cannot be read is refused by its name', async (t) => {
  const refusals: [object, string | null, string, RegExp?][] = [
    [{}, 'input', 'invalid_value'],
    [{ input: '' }, 'input', 'invalid_value'],
    [{ input: [] }, 'input', 'invalid_value'],
    [{ input: ['a', ''] }, 'input[1]', 'invalid_value'],
    [{ input: [1, 2048] }, 'input[1]', 'invalid_value'],
    [{ input: 7 }, 'input', 'invalid_value'],
    [{ input: Array(2049).fill('a') }, 'input', 'invalid_value', /at most 2048 texts/],
    [{ input: Array(129).fill(5) }, 'input', 'context_length_exceeded', /128 tokens; input has 129/],
    [{ input: [[5], Array(129).fill(5)] }, 'input[1]', 'context_length_exceeded'],
    [{ input: 'a', model: 'x' }, 'model', 'model_not_found'],
    [{ input: 'a', encoding_format: 'hex' }, 'encoding_format', 'invalid_value', /one of float, base64/],
    [{ input: 'a', dimensions: 0 }, 'dimensions', 'invalid_value'],
    [{ input: 'a', dimensions: 9 }, 'dimensions', 'invalid_value', /at most 8/],
    [{ input: 'a', truncate_prompt_tokens: 0 }, 'truncate_prompt_tokens', 'invalid_value'],
    [{ input: 'a', normalize: 'no' }, 'normalize', 'invalid_value'],
    [{ input: 'a', messages: [] }, 'messages', 'unsupported_parameter'],
    [{ input: 'a', embed_dtype: 'float16' }, 'embed_dtype', 'unsupported_parameter'],
  ];
  for (const [payload, param, code, says] of refusals) {
    const { body } = await post(payload);
    t.match(body.error, { param, code }, JSON.stringify(payload).slice(0, 80));
    if (says !== undefined) t.match(body.error.message, says);
  }
});

import OpenAI from 'openai';
import t from 'tap';
import { startServer } from '../support/cli.js';
import { callingServer, PARAMETERS } from './support.js';

const { url } = await startServer(t, '--api-key', 'secret');
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'secret', maxRetries: 0 });
const model = 'fable';
const greedy = { temperature: 0, seed: 1 };
const messages = [{ role: 'user' as const, content: 'Tell me a story about a fox.' }];

t.test('lists the models', async (t) => {
  const { data } = await client.models.list();
  t.equal(data[0]?.id, model);
  t.equal((await client.models.retrieve(model)).id, model);
});

t.test('completes a text, streamed and not', async (t) => {
  const body = { model, prompt: 'Once upon a time', max_tokens: 24, ...greedy };
  const whole = await client.completions.create(body);
  let text = '';
  for await (const chunk of await client.completions.create({ ...body, stream: true })) {
    text += chunk.choices[0]?.text ?? '';
  }
  t.equal(text, whole.choices[0]?.text);
  t.equal(whole.usage?.completion_tokens, 24);
});

t.test('answers a chat, streamed and not', async (t) => {
  const body = { model, messages, max_completion_tokens: 24, ...greedy };
  const whole = await client.chat.completions.create({ ...body, logprobs: true, top_logprobs: 2 });
  t.equal(whole.choices[0]?.logprobs?.content?.length, 24);
  const stream = client.chat.completions.stream({ ...body, stream_options: { include_usage: true } });
  const final = await stream.finalChatCompletion();
  t.equal(final.choices[0]?.message.content, whole.choices[0]?.message.content);
  t.equal(final.usage?.completion_tokens, 24);
});

t.test('answers the responses API, streamed and not', async (t) => {
  const body = {
    model,
    input: 'Tell me a story about a fox.',
    max_output_tokens: 24,
    temperature: 0,
    store: false,
  };
  const whole = await client.responses.create(body);
  const chat = await client.chat.completions.create({
    model,
    messages,
    max_completion_tokens: 24,
    ...greedy,
  });
  t.equal(whole.output_text, chat.choices[0]?.message.content);
  t.equal(whole.status, 'incomplete');
  const streamed = await client.responses.stream(body).finalResponse();
  t.equal(streamed.output_text, whole.output_text);
});

t.test('functions are called, streamed and not', async (t) => {
  const calling = new OpenAI({ baseURL: `${await callingServer(t)}/v1`, apiKey: 'any', maxRetries: 0 });
  const tools = [{ type: 'function' as const, function: { name: 'get_weather', parameters: PARAMETERS } }];
  const body = { model, messages, tools };
  const whole = await calling.chat.completions.create(body);
  const [choice] = whole.choices;
  t.equal(choice?.finish_reason, 'tool_calls');
  t.match(choice?.message.tool_calls, [{ function: { name: 'get_weather', arguments: '{"city": "Rome"}' } }]);
  const streamed = await calling.chat.completions.stream(body).finalChatCompletion();
  t.match(streamed.choices[0]?.message.tool_calls, [{ function: { arguments: '{"city": "Rome"}' } }]);
});

t.test('functions are called through the responses API, streamed and not', async (t) => {
  const calling = new OpenAI({ baseURL: `${await callingServer(t)}/v1`, apiKey: 'any', maxRetries: 0 });
  const tools = [{ type: 'function' as const, name: 'get_weather', parameters: PARAMETERS, strict: true }];
  const body = { model, input: 'Weather?', tools };
  const output = [
    { type: 'reasoning' },
    { type: 'function_call', name: 'get_weather', arguments: '{"city": "Rome"}' },
  ];
  t.match((await calling.responses.create(body)).output, output);
  t.match((await calling.responses.stream(body).finalResponse()).output, output);
});

t.test('embeds texts, as floats and as the bytes that the client asks for by itself', async (t) => {
  const input = ['a fox', 'a red fox', 'the sea at night'];
  const { data, usage } = await client.embeddings.create({ model, input });
  const floats = await client.embeddings.create({ model, input, encoding_format: 'float' });
  t.strictSame(
    data.map(({ embedding }) => embedding),
    floats.data.map(({ embedding }) => embedding.map(Math.fround)),
  );
  t.ok(usage.prompt_tokens > 0 && usage.total_tokens === usage.prompt_tokens);
  const [fox, redFox, sea] = data.map(({ embedding }) => embedding);
  const likeness = (a: readonly number[], b: readonly number[]) => a.reduce((sum, v, i) => sum + v * b[i], 0);
  t.ok(likeness(fox, redFox) > likeness(fox, sea));
  const cut = await client.embeddings.create({ model, input: 'a fox', dimensions: 8 });
  t.equal(cut.data[0]?.embedding.length, 8);
});

t.test('errors are those of the client’s own classes', async (t) => {
  const refused = (promise: Promise<unknown>) =>
    promise.then(
      () => null,
      (error: unknown) => error,
    );
  const wrong = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'wrong', maxRetries: 0 });
  t.ok((await refused(wrong.models.list())) instanceof OpenAI.AuthenticationError);
  const bad = await refused(client.completions.create({ model, prompt: 'x', max_tokens: -1 }));
  t.ok(bad instanceof OpenAI.BadRequestError && bad.param === 'max_tokens');
  t.ok(
    (await refused(client.completions.create({ model: 'x', prompt: 'x' }))) instanceof OpenAI.NotFoundError,
  );
});

t.test('parses structured output, and calls that are required', async (t) => {
  const schema = {
    type: 'object',
    properties: { kind: { enum: ['cat', 'dog'] }, age: { type: 'integer', minimum: 0, maximum: 20 } },
    required: ['kind', 'age'],
    additionalProperties: false,
  };
  const { choices } = await client.chat.completions.parse({
    model,
    messages,
    seed: 2,
    response_format: { type: 'json_schema', json_schema: { name: 'pet', schema, strict: true } },
  });
  t.match(choices[0]?.message.parsed, { kind: /^(cat|dog)$/, age: Number });
  const called = await client.chat.completions.parse({
    model,
    messages,
    tool_choice: 'required',
    tools: [{ type: 'function', function: { name: 'adopt', parameters: schema, strict: true } }],
  });
  t.match(called.choices[0]?.message.tool_calls?.[0]?.function.parsed_arguments, { kind: /^(cat|dog)$/ });
  const response = await client.responses.parse({
    model,
    input: 'A pet.',
    store: false,
    text: { format: { type: 'json_schema', name: 'pet', schema, strict: true } },
  });
  t.match(response.output_parsed, { age: Number });
});

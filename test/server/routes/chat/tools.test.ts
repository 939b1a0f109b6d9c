import t from 'tap';
import { answering, chatModel, type Family } from '../../../support/chat-models.js';
import { type Chunk, chunks, testServer } from '../../../support/server.js';

const url = '/v1/chat/completions';
const messages = [{ role: 'user', content: 'What is the weather?' }];
const parameters = { type: 'object', properties: { city: { type: 'string' } } };
const tools = [{ type: 'function', function: { name: 'get_weather', parameters } }];
const ARGS = '{"city": "Rome <b>"}';
const CALL = { name: 'get_weather', arguments: ARGS };

interface Case {
  readonly family: Family;
  readonly answer: string;
  readonly content: string | null;
  readonly reasoning?: string;
  readonly numCalls: number;
}

const HERMES = `<tool_call>\n{"name": "get_weather", "arguments": ${ARGS}}\n</tool_call>`;
const HARMONY = `<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>${ARGS}`;

const CASES: readonly Case[] = [
  { family: 'qwen3', answer: HERMES, content: null, numCalls: 1 },
  {
    family: 'qwen3',
    answer: `<think>\nHm.\n</think>\n\nI ask.\n${HERMES}\n${HERMES}`,
    content: 'I ask.',
    reasoning: 'Hm.',
    numCalls: 2,
  },
  {
    family: 'qwen3',
    answer: '<think>Hm.</think>It is warm.',
    content: 'It is warm.',
    reasoning: 'Hm.',
    numCalls: 0,
  },
  { family: 'llama3', answer: `{"name": "get_weather", "parameters": ${ARGS}}`, content: null, numCalls: 1 },
  {
    family: 'llama3',
    answer: `<|python_tag|>{"name": "get_weather", "parameters": ${ARGS}}`,
    content: null,
    numCalls: 1,
  },
  { family: 'mistral', answer: `[TOOL_CALLS]get_weather[ARGS]${ARGS}`, content: null, numCalls: 1 },
  {
    family: 'mistral',
    answer: `[TOOL_CALLS][{"name": "get_weather", "arguments": ${ARGS}}]`,
    content: null,
    numCalls: 1,
  },
  { family: 'gpt-oss', answer: HARMONY, content: null, numCalls: 1 },
  {
    family: 'gpt-oss',
    answer: '<|channel|>analysis<|message|>Easy.<|end|><|start|>assistant<|channel|>final<|message|>Warm.',
    content: 'Warm.',
    reasoning: 'Easy.',
    numCalls: 0,
  },
];

interface Message {
  readonly role: string;
  readonly content: string | null;
  readonly reasoning_content?: string;
  readonly tool_calls?: readonly {
    id: string;
    type: string;
    function: { name: string; arguments: string };
  }[];
}

async function ask(family: Family, answer: string, more: object = {}) {
  const model = chatModel(family);
  const engine = answering(model, answer);
  const app = testServer({ ...model, engine });
  const reply = await app.inject({ method: 'POST', url, payload: { messages, tools, ...more } });
  return { reply, engine, model };
}

/** The message that a client puts together, as OpenAI's do. */
function assemble(parts: readonly Chunk[]): Message & { finish: string | null } {
  const deltas = parts.map(({ choices: [choice] }) => (choice?.delta ?? {}) as Record<string, unknown>);
  const joined = (key: string) =>
    deltas.map((delta) => (delta[key] as string | null | undefined) ?? '').join('');
  const calls: { id: string; type: string; function: { name: string; arguments: string } }[] = [];
  for (const { index, id, type, function: part } of deltas.flatMap(
    (delta) => (delta.tool_calls ?? []) as never[],
  ) as {
    index: number;
    id?: string;
    type?: string;
    function: { name?: string; arguments: string };
  }[]) {
    calls[index] ??= { id: id ?? '', type: type ?? '', function: { name: part.name ?? '', arguments: '' } };
    calls[index].function.arguments += part.arguments;
  }
  const reasoning = joined('reasoning_content');
  return {
    role: joined('role'),
    content: joined('content') || null,
    ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
    finish: parts.at(-1)?.choices[0]?.finish_reason ?? null,
  };
}

for (const { family, answer, content, reasoning, numCalls } of CASES) {
  t.test(`${family}: ${answer.slice(0, 40)}, whole and streamed`, async (t) => {
    const { reply } = await ask(family, answer);
    const [choice] = reply.json().choices;
    const message: Message = choice.message;
    t.equal(message.content, content);
    t.equal(message.reasoning_content, reasoning);
    t.same(
      (message.tool_calls ?? []).map((call) => call.function),
      Array(numCalls).fill(CALL),
    );
    t.equal(choice.finish_reason, numCalls > 0 ? 'tool_calls' : 'stop');
    const streamed = assemble(chunks((await ask(family, answer, { stream: true })).reply.body));
    const withoutIds = (calls: Message['tool_calls']) =>
      calls?.map(({ function: call, type }) => ({ call, type }));
    t.same(
      { ...streamed, tool_calls: withoutIds(streamed.tool_calls) },
      { ...message, finish: choice.finish_reason, tool_calls: withoutIds(message.tool_calls) },
    );
    t.ok(streamed.tool_calls?.every(({ id }) => id !== '') ?? true);
  });
}

t.test('log-probabilities and token ids are those of all tokens, streamed and whole', async (t) => {
  const more = { logprobs: true, return_token_ids: true };
  const answer = `<think>a</think>b ${HERMES}`;
  const [whole] = (await ask('qwen3', answer, more)).reply.json().choices;
  const parts = chunks((await ask('qwen3', answer, { ...more, stream: true })).reply.body);
  const content = parts.flatMap(({ choices: [choice] }) => choice?.logprobs?.content ?? []);
  t.same(content, whole.logprobs.content);
  const ids = parts.flatMap(({ choices }) => (Reflect.get(choices[0] ?? {}, 'token_ids') as number[]) ?? []);
  t.same(ids, whole.token_ids);
  t.equal(ids.length, content.length);
});

t.test('without tools what looks like a call is content', async (t) => {
  for (const more of [{ tools: [] }, { tool_choice: 'none' }]) {
    const [choice] = (await ask('qwen3', HERMES, more)).reply.json().choices;
    t.match(choice, { message: { content: HERMES }, finish_reason: 'stop' });
    t.notOk('tool_calls' in choice.message);
  }
});

t.test('the tools are in the prompt, unless none may be called', async (t) => {
  const promptOf = async (more: object) => {
    const { engine, model } = await ask('qwen3', 'Hm.', more);
    return model.tokenizer.decode(engine.requests[0]?.promptTokenIds ?? [], { skipSpecialTokens: false });
  };
  t.match(await promptOf({}), '"name": "get_weather"');
  t.notMatch(await promptOf({ tool_choice: 'none' }), 'get_weather');
});

t.test('one call at most ends the answer where no more are wanted', async (t) => {
  const { reply, engine } = await ask('qwen3', `${HERMES}\n${HERMES}`, { parallel_tool_calls: false });
  const [choice] = reply.json().choices;
  t.equal(choice.message.tool_calls.length, 1);
  t.equal(choice.finish_reason, 'tool_calls');
  t.equal(engine.numAborted, 1, 'and no more is generated');
});

t.test('a call that was cut off is content, and the answer has ended at its limit', async (t) => {
  const { reply } = await ask('qwen3', HERMES, { max_tokens: 20 });
  const [choice] = reply.json().choices;
  t.equal(choice.finish_reason, 'length');
  t.ok(HERMES.startsWith(choice.message.content) && choice.message.content.length > 10);
});

t.test('a conversation goes on with a call and its result', async (t) => {
  for (const family of ['qwen3', 'llama3', 'mistral', 'gpt-oss'] as const) {
    const [choice] = (
      await ask(family, CASES.find((one) => one.family === family)?.answer ?? '')
    ).reply.json().choices;
    const [call] = choice.message.tool_calls;
    const result = { role: 'tool', tool_call_id: call.id, content: 'warm <|im_end|>' };
    const { reply, engine, model } = await ask(family, 'Warm.', {
      messages: [...messages, choice.message, result],
    });
    t.equal(reply.statusCode, 200, reply.body);
    const prompt = model.tokenizer.decode(engine.requests[0]?.promptTokenIds ?? [], {
      skipSpecialTokens: false,
    });
    t.match(prompt, 'Rome <b>');
    t.match(prompt, 'warm');
  }
});

t.test('several answers each have calls of their own', async (t) => {
  const [a, b] = (await ask('qwen3', HERMES, { n: 2 })).reply.json().choices;
  t.equal(a.message.tool_calls.length, 1);
  t.equal(b.message.tool_calls.length, 1);
  t.not(a.message.tool_calls[0].id, b.message.tool_calls[0].id);
});

t.test('a stop string ends a call as it does any text', async (t) => {
  const [choice] = (await ask('qwen3', HERMES, { stop: 'arguments' })).reply.json().choices;
  t.match(choice, { finish_reason: 'stop', message: { content: /^<tool_call>/ } });
});

t.test('an answer that begins within the reasoning is told apart', async (t) => {
  const model = chatModel('qwen3');
  const app = testServer({ ...model, engine: answering(model, 'so it is.</think>Yes.') });
  const payload = {
    messages: [...messages, { role: 'assistant', content: '<think>I know, ' }],
    continue_final_message: true,
  };
  const { message } = (await app.inject({ method: 'POST', url, payload })).json().choices[0];
  t.same(message, { role: 'assistant', content: 'Yes.', reasoning_content: 'so it is.' });
});

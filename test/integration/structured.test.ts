import { Ajv2020 } from 'ajv/dist/2020.js';
import t from 'tap';
import { startServer } from '../support/cli.js';
import { randomSchema } from '../support/random-schemas.js';
import { post } from '../support/requests.js';

const NUM_SCHEMAS = 500;
const NUM_CALLS = 60;
const NUM_AT_ONCE = 16;

const { url } = await startServer(t, '--max-num-seqs', String(NUM_AT_ONCE));
const ajv = new Ajv2020({ strict: false, unicodeRegExp: true });

interface Choice {
  readonly message: {
    readonly content: string | null;
    readonly tool_calls?: readonly {
      readonly function: { readonly name: string; readonly arguments: string };
    }[];
  };
  readonly finish_reason: string;
}

async function chat(fields: object, seed: number): Promise<Choice> {
  const messages = [{ role: 'user', content: `Tell me about number ${seed}.` }];
  const body = { model: 'fable', messages, max_tokens: 700, temperature: 1, seed, ...fields };
  const reply = await post(url, '/v1/chat/completions', body);
  const answer = (await reply.json()) as { choices?: Choice[]; error?: unknown };
  if (answer.choices === undefined) throw new Error(JSON.stringify(answer.error));
  return answer.choices[0];
}

/** So many at a time. */
async function forEach(count: number, work: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: NUM_AT_ONCE }, worker));
}

t.test(`answers to ${NUM_SCHEMAS} random schemas validate, by a validator that is not ours`, async (t) => {
  const wrong: unknown[] = [];
  await forEach(NUM_SCHEMAS, async (seed) => {
    const schema = randomSchema(seed);
    const response_format = { type: 'json_schema', json_schema: { name: 'x', schema, strict: true } };
    const { message, finish_reason } = await chat({ response_format }, seed);
    const validate = ajv.compile(schema);
    const isValid = finish_reason === 'stop' && validate(JSON.parse(message.content ?? ''));
    if (!isValid) wrong.push({ seed, schema, message, finish_reason, errors: validate.errors });
  });
  t.strictSame(wrong, []);
});

t.test('calls that are required always parse, and fit the functions that are offered', async (t) => {
  const wrong: unknown[] = [];
  await forEach(NUM_CALLS, async (seed) => {
    const functions = ['one', 'two'].map((name, i) => ({
      name,
      parameters: randomSchema(1000 + 2 * seed + i),
    }));
    const tools = functions.map((one) => ({ type: 'function', function: one }));
    const isNamed = seed % 3 === 0;
    const tool_choice = isNamed ? { type: 'function', function: { name: 'two' } } : 'required';
    const { message, finish_reason } = await chat({ tools, tool_choice, parallel_tool_calls: false }, seed);
    const [call] = message.tool_calls ?? [];
    const offered = functions.find(({ name }) => name === call?.function.name);
    const isValid =
      offered !== undefined &&
      (!isNamed || offered.name === 'two') &&
      ajv.validate(offered.parameters, JSON.parse(call?.function.arguments ?? ''));
    if (!isValid || finish_reason !== 'tool_calls') wrong.push({ seed, message, finish_reason });
  });
  t.strictSame(wrong, []);
});

t.test('a grammar that is none is refused, and the answers beside it go on', async (t) => {
  const good = chat({ guided_choice: ['yes', 'no'] }, 1);
  const bad = await post(url, '/v1/chat/completions', {
    messages: [{ role: 'user', content: 'x' }],
    guided_regex: '(',
  });
  t.equal(bad.status, 400);
  t.match(await bad.json(), { error: { code: 'invalid_grammar', param: 'guided_regex' } });
  t.match((await good).message.content, /^(yes|no)$/);
});

t.test('streams, several answers and completions follow grammars as well', async (t) => {
  const reply = await post(url, '/v1/completions', {
    prompt: 'Once',
    guided_regex: '[a-z]{3}-\\d{2}',
    n: 4,
    seed: 3,
    temperature: 1,
    max_tokens: 40,
    ignore_eos: true,
  });
  const { choices } = (await reply.json()) as { choices: { text: string }[] };
  t.equal(choices.length, 4);
  for (const { text } of choices) t.match(text, /^[a-z]{3}-\d{2}$/);
  const stream = await post(url, '/v1/completions', {
    prompt: 'Once',
    guided_choice: ['red', 'blue'],
    stream: true,
  });
  const pieces = (await stream.text()).matchAll(/"text":"([^"]*)"/g);
  t.match([...pieces].map(([, piece]) => piece).join(''), /^(red|blue)$/);
});

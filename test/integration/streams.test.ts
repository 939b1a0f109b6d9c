import t, { type Test } from 'tap';
import { startServer } from '../support/cli.js';
import { post } from '../support/requests.js';
import { events } from '../support/server.js';

const NUM_PROMPTS = 200;
const NUM_AT_ONCE = 16;

/** A prompt's text is the same in any batch, so a stream can be held against a whole answer of another batch. */
const { url } = await startServer(t, '--batch-invariant', '--max-num-seqs', String(NUM_AT_ONCE));

const SUBJECTS = [
  'a fox',
  '猫と犬',
  'n\u0303o\u0308 e\u0301',
  '👩‍👩‍👧‍👦 and 🏳️‍🌈',
  'Ω≈ç√',
  '한국어',
  'a\u0000b',
  '<|im_end|>',
  'שלום',
  '  ',
];
/** Sharp and flat distributions: the flat ones draw tokens that are parts of characters. */
const TEMPERATURES = [0, 0.7, 1.5, 2];
const STOPS = [null, ['the'], [' a', 'e '], ['\n']];

function bodyOf(i: number): object {
  return {
    model: 'fable',
    messages: [{ role: 'user', content: `Tell me of ${SUBJECTS[i % SUBJECTS.length]}, number ${i}.` }],
    max_tokens: 16,
    temperature: TEMPERATURES[i % TEMPERATURES.length],
    seed: i,
    stop: STOPS[i % STOPS.length],
    logprobs: true,
  };
}

interface Choice {
  readonly message?: { readonly content: string };
  readonly delta?: { readonly content?: string };
  readonly finish_reason: string | null;
  readonly logprobs: {
    readonly content: readonly { readonly token: string; readonly bytes: number[] }[];
  } | null;
}

const choicesOf = (text: string) => (JSON.parse(text) as { choices: Choice[] }).choices;

async function compare(t: Test, i: number): Promise<void> {
  const body = bodyOf(i);
  const ask = async (more: object) => (await post(url, '/v1/chat/completions', { ...body, ...more })).text();
  const [whole, stream] = await Promise.all([ask({}), ask({ stream: true })]);
  const [choice] = choicesOf(whole);
  const chunks = events(stream).slice(0, -1).flatMap(choicesOf);
  const texts = chunks.map(({ delta }) => delta?.content ?? '');
  const content = choice?.message?.content ?? '';
  t.equal(texts.join(''), content, JSON.stringify(body));
  t.equal(chunks.at(-1)?.finish_reason, choice?.finish_reason);
  t.ok(
    texts.every((text) => Buffer.from(text).toString() === text),
    'no character is split',
  );
  for (const stop of STOPS[i % STOPS.length] ?? []) t.notOk(content.includes(stop), `${stop} leaks`);
  const tokens = choice?.logprobs?.content ?? [];
  t.strictSame(
    chunks.flatMap(({ logprobs }) => logprobs?.content ?? []),
    tokens,
  );
  const bytes = Buffer.from(tokens.flatMap((token) => token.bytes));
  t.ok(bytes.toString().startsWith(content), 'the bytes of the tokens are the text’s');
}

t.test(`a stream says what a whole answer says, for ${NUM_PROMPTS} prompts`, async (t) => {
  const left = Array.from({ length: NUM_PROMPTS }, (_, i) => i);
  const work = async () => {
    for (let i = left.pop(); i !== undefined; i = left.pop()) await compare(t, i);
  };
  await Promise.all(Array.from({ length: NUM_AT_ONCE / 2 }, work));
});

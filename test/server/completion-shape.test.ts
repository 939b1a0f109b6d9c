import t from 'tap';
import { FakeEngine } from '../support/fake-engine.js';
import { chunks, script, testServer, tokenizer } from '../support/server.js';

const url = '/v1/completions';
const PROMPT = 'Once 🙂 upon';
const encode = (text: string) => tokenizer.encode(text, { addSpecialTokens: true, parseSpecialTokens: true });

/** What `payload` is answered with, whole, and streamed but joined. */
async function both(answer: string, payload: object) {
  const app = testServer({ engine: new FakeEngine({ script: script(answer) }) });
  const post = (more: object) =>
    app.inject({ method: 'POST', url, payload: { prompt: PROMPT, max_tokens: 90, ...payload, ...more } });
  const whole = await post({});
  const parts = chunks((await post({ stream: true })).body).flatMap((part) => part.choices);
  return { status: whole.statusCode, body: whole.json(), choice: whole.json().choices?.[0], parts };
}

t.test('an echoed prompt stands before the answer, as the request wrote it', async (t) => {
  const { choice, parts } = await both('a time', { echo: true });
  t.equal(choice.text, `${PROMPT}a time`);
  t.equal(parts.map(({ text }) => text).join(''), choice.text);
  const ids = await both('a time', { echo: true, prompt: encode(PROMPT) });
  t.equal(ids.choice.text, `${PROMPT}a time`);
});

t.test('each of several prompts is echoed in its own choices', async (t) => {
  const { body } = await both('x', { echo: true, prompt: ['one', 'two'], n: 2 });
  t.same(
    body.choices.map(({ text }: { text: string }) => text),
    ['onex', 'onex', 'twox', 'twox'],
  );
});

t.test('with logprobs an echoed prompt tells of its tokens, of the first only its text', async (t) => {
  const { choice, parts } = await both('a time', { echo: true, logprobs: 1 });
  const { tokens, token_logprobs, top_logprobs, text_offset } = choice.logprobs;
  const numPrompt = encode(PROMPT).length;
  t.equal(tokens.length, numPrompt + script('a time').length);
  t.equal(token_logprobs[0], null);
  t.equal(top_logprobs[0], null);
  t.ok(token_logprobs.slice(1).every((one: unknown) => typeof one === 'number'));
  t.equal(text_offset[numPrompt], [...PROMPT].length, 'the answer begins behind the prompt');
  t.same(
    text_offset,
    [...text_offset].sort((a, b) => a - b),
  );
  for (const key of ['tokens', 'token_logprobs', 'top_logprobs', 'text_offset'] as const) {
    t.same(
      parts.flatMap(({ logprobs }) => logprobs?.[key] ?? []),
      choice.logprobs[key],
      key,
    );
  }
});

t.test('no token at all is generated to learn of a prompt alone', async (t) => {
  const { choice, body } = await both('a time', { echo: true, logprobs: 0, max_tokens: 0 });
  t.match(choice, { text: PROMPT, finish_reason: 'length' });
  t.equal(choice.logprobs.tokens.length, encode(PROMPT).length);
  t.match(body.usage, { prompt_tokens: encode(PROMPT).length, completion_tokens: 0 });
  const cut = { echo: true, max_tokens: 0, prompt: Array(5000).fill(7), truncate_prompt_tokens: -1 };
  t.equal((await both('x', cut)).status, 200, 'room for the token that computing a prompt gives');
  const refused = await both('a', { max_tokens: 0 });
  t.equal(refused.status, 400);
  t.match(refused.body, { error: { param: 'max_tokens', message: /0 only with "echo"/ } });
});

t.test('token ids are told of the prompt once, and of each piece of the answer', async (t) => {
  const { choice, parts } = await both('a 🙂 time', { return_token_ids: true });
  t.same(choice.prompt_token_ids, encode(PROMPT));
  t.same(choice.token_ids, script('a 🙂 time'));
  const streamed = parts as { prompt_token_ids?: number[]; token_ids?: number[] }[];
  t.same(streamed[0].prompt_token_ids, encode(PROMPT));
  t.notOk(streamed.slice(1).some((part) => 'prompt_token_ids' in part));
  t.same(
    streamed.flatMap(({ token_ids }) => token_ids ?? []),
    choice.token_ids,
  );
});

t.test('the stop string or token that ends an answer is shown where asked for', async (t) => {
  const stopped = { stop: ['two'], include_stop_str_in_output: true };
  const { choice, parts } = await both('one two three', stopped);
  t.equal(choice.text, 'one two');
  t.equal(parts.map(({ text }) => text).join(''), 'one two');
  const special = { include_stop_str_in_output: true, skip_special_tokens: false };
  t.equal((await both('one', special)).choice.text, `one${tokenizer.tokenText(2)}`);
  t.equal((await both('one', { skip_special_tokens: false })).choice.text, 'one');
  t.equal((await both('one', { include_stop_str_in_output: true })).choice.text, 'one');
});

t.test('a prompt is cut to its end, and then echoed so', async (t) => {
  const { choice, body } = await both('x', { echo: true, truncate_prompt_tokens: 2 });
  t.equal(body.usage.prompt_tokens, 2);
  t.equal(choice.text, `${tokenizer.decode(encode(PROMPT).slice(-2), { skipSpecialTokens: true })}x`);
  t.equal((await both('x', { truncate_prompt_tokens: 0 })).body.error.param, 'truncate_prompt_tokens');
});

t.test('a model without tokens for gaps refuses a suffix', async (t) => {
  const { status, body } = await both('x', { suffix: 'the end' });
  t.equal(status, 400);
  t.match(body.error, { param: 'suffix', message: /no tokens to fill a gap/ });
  t.equal((await both('x', { suffix: 'a', echo: true })).body.error.param, 'echo');
  t.equal((await both('x', { suffix: null })).status, 200);
});

t.test('usage comes with every chunk where asked for', async (t) => {
  const app = testServer({ engine: new FakeEngine({ script: script('one two three') }) });
  const payload = {
    prompt: 'Hi',
    stream: true,
    stream_options: { include_usage: true, continuous_usage_stats: true },
  };
  const seen = chunks((await app.inject({ method: 'POST', url, payload })).body);
  const counts = seen.map(({ usage }) => (usage as { completion_tokens: number }).completion_tokens);
  t.same(
    counts,
    [...counts].sort((a, b) => a - b),
  );
  t.equal(counts[0], 1);
  t.equal(counts.at(-1), script('one two three').length);
});

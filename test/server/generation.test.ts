import t from 'tap';
import { UNCHANGED_LOGITS } from '#halflight/engine/request.js';
import type { Engine, FinishReason, TokenOutput } from '#halflight/engine/types.js';
import {
  type GenerationJob,
  generateText,
  type TextChunk,
  type TextOptions,
} from '#halflight/server/generation.js';
import { Metrics } from '#halflight/server/metrics.js';
import { FakeEngine, type FakeEngineOptions } from '../support/fake-engine.js';
import { fakeRequest } from '../support/fake-runner.js';
import { script, tokenizer } from '../support/server.js';

const TEXT: TextOptions = { stop: [], includeStop: false, skipSpecialTokens: true, promptOnly: false };

interface Job extends GenerationJob {
  /** As the metrics were told. */
  readonly ends: FinishReason[];
}

function createJob(engine: Engine, more: Partial<GenerationJob> = {}): Job {
  const metrics = new Metrics('fable', engine.info.maxModelLen);
  const timer = metrics.startRequest(performance.now(), 1, 50);
  const ends: FinishReason[] = [];
  metrics.close();
  metrics.finishRequest = (reason) => void ends.push(reason);
  const request = fakeRequest('a', [5], { maxTokens: 50 });
  return { request, text: TEXT, signal: new AbortController().signal, timer, ends, ...more };
}

async function collect(chunks: AsyncIterable<TextChunk>): Promise<TextChunk[]> {
  const seen: TextChunk[] = [];
  for await (const chunk of chunks) seen.push(chunk);
  return seen;
}

async function generated(options: FakeEngineOptions, stop: readonly string[] = []) {
  const engine = new FakeEngine(options);
  const job = createJob(engine, { text: { ...TEXT, stop } });
  const seen = await collect(generateText(engine, tokenizer, job));
  return { seen, text: seen.map(({ text }) => text).join(''), job, engine };
}

t.test('the end token ends the text and is no part of it', async (t) => {
  const { seen, text, job } = await generated({ script: script('one two') });
  t.equal(text, 'one two');
  t.same(
    seen.map(({ finishReason }) => finishReason),
    [...Array(seen.length - 1).fill(null), 'stop'],
  );
  t.same(job.ends, ['stop']);
  t.equal(job.timer.numTokens, script('one two').length);
});

t.test('text held back for a stop string comes with the end where none followed', async (t) => {
  const { seen, text } = await generated({ script: script('one two') }, ['two three']);
  t.equal(text, 'one two');
  t.match(seen.at(-1), { finishReason: 'stop', text: /o$/ });
});

t.test('a token that ends within a character is sent with the next, or at the limit as it is', async (t) => {
  const engine = new FakeEngine({ script: script('🙂') });
  const textAtLimit = async (maxTokens: number) => {
    const job = createJob(engine, { request: fakeRequest('a', [5], { maxTokens }) });
    return collect(generateText(engine, tokenizer, job));
  };
  const numTokens = script('🙂').length - 1;
  t.ok(numTokens > 1, 'the character has several tokens');
  t.match(await textAtLimit(numTokens), [{ text: '🙂', finishReason: 'length' }]);
  t.match(await textAtLimit(1), [{ text: /^\uFFFD+$/, finishReason: 'length' }]);
});

t.test('a stop string counts only behind the first min_tokens tokens', async (t) => {
  const engine = new FakeEngine({ script: script('one two one two one two') });
  const textFor = async (stop: string, minTokens: number) => {
    const sampling = { maxTokens: 50, logits: { ...UNCHANGED_LOGITS, minTokens } };
    const job = createJob(engine, {
      text: { ...TEXT, stop: [stop] },
      request: fakeRequest('a', [5], sampling),
    });
    const seen = await collect(generateText(engine, tokenizer, job));
    return seen.map(({ text }) => text).join('');
  };
  const numTokens = (text: string) => script(text).length - 1;
  t.equal(await textFor('two', 0), 'one ');
  t.equal(await textFor('two', numTokens('one two') - 1), 'one ', 'the token behind them completes it');
  t.equal(await textFor('two', numTokens('one two')), 'one two one ');
  t.equal(
    await textFor('two one', numTokens('one two')),
    'one ',
    'one that begins there and ends later counts',
  );
  t.equal(await textFor('two', 50), 'one two one two one two');
});

/** Offsets of the tokens whose log-probabilities come with each chunk, beside its text. */
async function placed(text: string, stop: readonly string[] = [], maxTokens = 50) {
  const engine = new FakeEngine({ script: script(text) });
  const request = fakeRequest('a', [5], { maxTokens, numLogprobs: 0 });
  const seen = await collect(
    generateText(engine, tokenizer, createJob(engine, { request, text: { ...TEXT, stop } })),
  );
  t.same(
    seen.flatMap(({ logprobs }) => logprobs.map(({ tokenId }) => tokenId)),
    script(text).slice(0, seen.flatMap(({ logprobs }) => logprobs).length),
    'in the order of the tokens',
  );
  return seen.map(({ text, logprobs }) => ({ text, offsets: logprobs.map(({ textOffset }) => textOffset) }));
}

t.test('log-probabilities come with the text of their tokens, each at its place', async (t) => {
  const parts = await placed('one two three');
  let numSent = 0;
  for (const { text, offsets } of parts.slice(0, -1)) {
    t.same(offsets, [numSent]);
    numSent += text.length;
  }
  t.same(
    parts.at(-1),
    { text: '', offsets: ['one two three'.length] },
    'the end token stands behind all text',
  );
});

t.test('those of parts of a character come together with it, at its place', async (t) => {
  const numParts = script('🙂').length - 1;
  const parts = await placed('a🙂b');
  t.same(
    parts.find(({ text }) => text === '🙂'),
    { text: '🙂', offsets: Array(numParts).fill(1) },
  );
  t.same(parts.find(({ text }) => text === 'b')?.offsets, [2], 'places count characters, not UTF-16 units');
  t.same(await placed('🙂', [], 1), [{ text: '\uFFFD', offsets: [0] }]);
});

t.test('those of text held back for a stop string wait for it', async (t) => {
  const held = await placed('one two three', ['two thrxx']);
  t.ok(held.every(({ text, offsets }) => offsets.length === 0 || text !== '' || offsets[0] === 13));
  t.same(
    held.flatMap(({ offsets }) => offsets),
    (await placed('one two three')).flatMap(({ offsets }) => offsets),
  );
});

t.test('tokens that a stop string cut off are told of with the last chunk', async (t) => {
  const parts = await placed('one two three', ['two']);
  const numTokens = script('one two').length - 1;
  t.equal(parts.map(({ text }) => text).join(''), 'one ');
  t.equal(parts.flatMap(({ offsets }) => offsets).length, numTokens, 'all that were generated');
});

t.test('log-probabilities of the prompt come with the first token, even one without text', async (t) => {
  const engine = new FakeEngine({ script: script('🙂') });
  const request = fakeRequest('a', [5, 6, 7], { maxTokens: 50, numPromptLogprobs: 1 });
  const seen = await collect(generateText(engine, tokenizer, createJob(engine, { request })));
  t.match(seen[0], { text: '', promptLogprobs: [{ tokenId: 6 }, { tokenId: 7 }], logprobs: [] });
  t.ok(seen.slice(1).every(({ promptLogprobs }) => promptLogprobs === null));
});

t.test('a token of text that the sequence stopped at is not shown either', async (t) => {
  const { text } = await generated({ script: [...script('one').slice(0, -1), ...script('two').slice(0, 1)] });
  t.equal(text, 'one');
});

t.test('a stop string ends the sequence at once', async (t) => {
  const { text, job, engine } = await generated({ script: script('one two three four') }, ['tw']);
  t.equal(text, 'one ');
  t.same(job.ends, ['stop']);
  t.equal(engine.numAborted, 1);
});

t.test('an abort ends the text without a reason and without an error', async (t) => {
  const engine = new FakeEngine({ delayMs: 1 });
  const controller = new AbortController();
  const job = createJob(engine, { signal: controller.signal });
  const seen: TextChunk[] = [];
  for await (const chunk of generateText(engine, tokenizer, job)) {
    seen.push(chunk);
    controller.abort();
  }
  t.equal(seen.at(-1)?.finishReason, null);
  t.same(job.ends, ['abort']);
  t.equal(engine.numRunning, 0);
});

t.test('an error of the engine is thrown and counted', async (t) => {
  const engine = new FakeEngine({ failAfter: 2 });
  const job = createJob(engine);
  await t.rejects(collect(generateText(engine, tokenizer, job)), { code: 'engine_failed' });
  t.same(job.ends, ['error']);
});

t.test('an engine that stops in mid-answer has failed', async (t) => {
  const token = (finishReason: FinishReason | null): TokenOutput => ({
    tokenId: 70,
    finishReason,
    timeMs: 0,
    prompt: { numCachedTokens: 0, queueMs: 0, prefillMs: 0 },
  });
  for (const tokens of [[], [token(null)], [token(null), token('abort')], [token('error')]]) {
    const engine = new FakeEngine();
    engine.generate = async function* () {
      yield* tokens;
    };
    const job = createJob(engine);
    await t.rejects(collect(generateText(engine, tokenizer, job)), { code: 'engine_failed' });
    t.same(job.ends, ['error']);
  }
});

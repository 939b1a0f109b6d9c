import t from 'tap';
import type { Engine, FinishReason, TokenOutput } from '#halflight/engine/types.js';
import { type GenerationJob, generateText, type TextChunk } from '#halflight/server/generation.js';
import { Metrics } from '#halflight/server/metrics.js';
import { FakeEngine, type FakeEngineOptions } from '../support/fake-engine.js';
import { fakeRequest } from '../support/fake-runner.js';
import { script, tokenizer } from '../support/server.js';

interface Job extends GenerationJob {
  /** As the metrics were told. */
  readonly ends: FinishReason[];
}

function createJob(engine: Engine, more: Partial<GenerationJob> = {}): Job {
  const metrics = new Metrics(engine, 'fable');
  const timer = metrics.startRequest(performance.now(), 1, 50);
  const ends: FinishReason[] = [];
  metrics.close();
  metrics.finishRequest = (reason) => void ends.push(reason);
  const request = fakeRequest('a', [5], { maxTokens: 50 });
  return { request, stop: [], signal: new AbortController().signal, timer, ends, ...more };
}

async function collect(chunks: AsyncIterable<TextChunk>): Promise<TextChunk[]> {
  const seen: TextChunk[] = [];
  for await (const chunk of chunks) seen.push(chunk);
  return seen;
}

async function generated(options: FakeEngineOptions, stop: readonly string[] = []) {
  const engine = new FakeEngine(options);
  const job = createJob(engine, { stop });
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
  t.same(await textAtLimit(numTokens), [{ text: '🙂', finishReason: 'length' }]);
  t.match(await textAtLimit(1), [{ text: /^\uFFFD+$/, finishReason: 'length' }]);
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

import t from 'tap';
import { BlockManager } from '#halflight/engine/block-manager.js';
import { EngineCore, type StepResult } from '#halflight/engine/core.js';
import type { ModelRunner } from '#halflight/engine/model-runner.js';
import {
  badGrammar,
  FAKE_GRAMMAR,
  FakeGrammars,
  type FakeRule,
  MaskedRunner,
} from '../support/fake-grammars.js';
import {
  expectedAnswer,
  FAKE_EOS,
  FAKE_VOCAB_SIZE,
  FakeRunner,
  fakeRequest,
  sampledTokens,
} from '../support/fake-runner.js';

const SHAPE = { numBlocks: 16, blockSize: 16, maxModelLen: 64 };

function createCore(runner: ModelRunner = new FakeRunner(SHAPE), clock: () => number = () => 0): EngineCore {
  return new EngineCore({
    runner,
    blocks: new BlockManager(SHAPE.numBlocks, SHAPE.blockSize),
    limits: {
      maxNumSeqs: 4,
      maxNumBatchedTokens: 32,
      prefixCaching: true,
      asyncScheduling: true,
      numSpeculativeTokens: 0,
      maxPrefillMsPerStep: null,
      maxModelLen: SHAPE.maxModelLen,
    },
    vocabSize: FAKE_VOCAB_SIZE,
    eosTokenIds: [FAKE_EOS],
    now: clock,
  });
}

async function drain(core: EngineCore): Promise<StepResult[]> {
  const results: StepResult[] = [];
  while (core.hasWork) results.push(await core.step());
  return results;
}

/** Answers what it is told, one token per row of logits. */
function scripted(...tokenIds: number[]): ModelRunner {
  let step = 0;
  return {
    run: async (batch) => sampledTokens([...batch.logitsRows].map(() => tokenIds[step++])),
    dispatchesPerStep: 0,
    lost: new Promise(() => undefined),
    destroy: () => undefined,
  };
}

async function answer(
  tokenIds: number[],
  sampling: Parameters<typeof fakeRequest>[2],
  prompt: readonly number[] = [1, 2],
): Promise<{ tokenIds: number[]; reason: unknown }> {
  const core = createCore(scripted(...tokenIds));
  core.add(fakeRequest('a', prompt, sampling));
  const outputs = (await drain(core)).flatMap(({ outputs }) => outputs);
  return { tokenIds: outputs.flatMap((output) => output.tokenIds), reason: outputs.at(-1)?.finishReason };
}

t.test('a generation stops, and why', async (t) => {
  const cases = {
    'at an end token, which is reported': [
      answer([5, FAKE_EOS], { ignoreEos: false }),
      [5, FAKE_EOS],
      'stop',
    ],
    'not at an end token that is ignored': [
      answer([5, FAKE_EOS, 6], { maxTokens: 3 }),
      [5, FAKE_EOS, 6],
      'length',
    ],
    'at a stop token': [answer([5, 9], { stopTokenIds: [9] }), [5, 9], 'stop'],
    'after maxTokens': [answer([5, 6], { maxTokens: 2 }), [5, 6], 'length'],
    'as a stop where the last token allowed is one': [
      answer([5, 9], { maxTokens: 2, stopTokenIds: [9] }),
      [5, 9],
      'stop',
    ],
    'at maxModelLen': [
      answer(
        [5, 6, 7],
        { maxTokens: 50 },
        Array.from({ length: SHAPE.maxModelLen - 2 }, () => 1),
      ),
      [5, 6],
      'length',
    ],
  } as const;
  for (const [name, [actual, tokenIds, reason]] of Object.entries(cases)) {
    t.same(await actual, { tokenIds: [...tokenIds], reason }, name);
  }
});

t.test(
  'a sequence that is aborted in its step gives no output, and its blocks are free when the step ends',
  async (t) => {
    const core = createCore();
    core.add(fakeRequest('a', [1, 2, 3]));
    core.add(fakeRequest('b', [4, 5, 6]));
    const step = core.step();
    core.abort('a');
    core.checkIntegrity();
    const { outputs, stats } = await step;
    t.same(
      outputs.map(({ id }) => id),
      ['b'],
    );
    t.match(stats, { numRunning: 1, numWaiting: 0, kvUsage: 1 / 16 });
  },
);

t.test('an id can be used again at once after its abort', async (t) => {
  const core = createCore();
  core.add(fakeRequest('a', [1, 2, 3]));
  const step = core.step();
  core.abort('a');
  const again = fakeRequest('a', [4, 5]);
  core.add(again);
  t.same((await step).outputs, []);
  const tokenIds = (await drain(core)).flatMap(({ outputs }) => outputs.flatMap((output) => output.tokenIds));
  t.same(tokenIds, expectedAnswer(again, SHAPE.maxModelLen).tokenIds);
});

t.test('a waiting sequence is aborted at once, and an unknown id is ignored', async (t) => {
  const core = createCore();
  core.add(fakeRequest('a', [1]));
  core.abort('a');
  core.abort('nobody');
  t.notOk(core.hasWork);
  t.match(core.stats(), { numRunning: 0, numWaiting: 0, kvUsage: 0 });
});

t.test('an id in use is refused', async (t) => {
  const core = createCore();
  core.add(fakeRequest('a', [1]));
  t.throws(() => core.add(fakeRequest('a', [2])), { code: 'invalid_value' });
});

t.test('a request that can never fit is refused when it is added', async (t) => {
  const core = createCore();
  t.throws(() => core.add(fakeRequest('a', Array(64).fill(1))), { code: 'context_length_exceeded' });
  t.notOk(core.hasWork);
});

t.test('a failing runner fails the engine: no sequence is left, and later requests are told', async (t) => {
  const runner = scripted();
  const core = createCore({ ...runner, run: () => Promise.reject(new Error('device lost at /dev/dri')) });
  core.add(fakeRequest('a', [1]));
  core.add(fakeRequest('b', [1]));
  await t.rejects(core.step(), { message: 'device lost at /dev/dri' });
  t.notOk(core.hasWork);
  t.match(core.stats(), { numRunning: 0, numWaiting: 0, kvUsage: 0 });
  t.throws(() => core.add(fakeRequest('c', [1])), {
    code: 'engine_failed',
    message: 'The engine has failed and cannot answer.',
  });
  await t.rejects(core.step(), { message: 'device lost at /dev/dri' });
});

t.test('the result of a step that ends after the failure is dropped', async (t) => {
  const core = createCore();
  core.add(fakeRequest('a', [1]));
  const step = core.step();
  core.fail(new Error('gone'));
  await t.rejects(step, { message: 'gone' });
  t.same(core.fail(new Error('later')), new Error('gone'), 'the first cause stands');
});

t.test('a runner that answers with too few rows is a defect, not a wrong text', async (t) => {
  const core = createCore({ ...scripted(), run: async () => sampledTokens([]) });
  core.add(fakeRequest('a', [1]));
  await t.rejects(core.step(), { message: 'the runner gave 0 rows of results for 1 rows of logits' });
});

t.test('two steps at once are refused', async (t) => {
  const core = createCore();
  core.add(fakeRequest('a', [1]));
  const first = core.step();
  await t.rejects(core.step(), { message: 'a step is already running' });
  t.equal((await first).outputs.length, 1);
});

t.test('the tokens of all steps add up to the prompts and the answers', async (t) => {
  const core = createCore();
  for (let i = 0; i < 10; i++) core.add(fakeRequest(`r${i}`, Array(5 + i).fill(i), { maxTokens: 10 }));
  const steps = (await drain(core)).map(({ stats }) => stats);
  const sum = (key: 'stepPromptTokens' | 'stepGenerationTokens'): number =>
    steps.reduce((total, stats) => total + stats[key], 0);
  t.equal(sum('stepPromptTokens'), 95);
  t.equal(sum('stepGenerationTokens'), 100);
  t.equal(core.stats().numPreemptions, 0);
  t.equal(core.stats().numDispatches, 3);
});

t.test('a step is timed by the clock it was given', async (t) => {
  let now = 100;
  const clock = (): number => (now += 8);
  const core = createCore(new FakeRunner(SHAPE), clock);
  core.add(fakeRequest('a', [1]));
  const { stats } = await core.step();
  t.match(stats, { stepMs: 48, scheduleMs: 8, encodeMs: 8 });
  t.equal((await core.step()).stats.stepMs, 32, 'from the end of the one before');
});

t.test(
  'a request waits from its arrival to its first step, and prefills from then to its first token',
  async (t) => {
    let now = 0;
    const core = createCore(scripted(5, 6), () => now);
    core.add(fakeRequest('a', [1, 2], { maxTokens: 2 }));
    now = 30;
    const step = core.step();
    now = 100;
    const [first] = (await step).outputs;
    t.same(first.prompt, { numCachedTokens: 0, queueMs: 30, prefillMs: 70 });
    now = 500;
    const [second] = (await core.step()).outputs;
    t.same(second.prompt, first.prompt, 'later tokens change nothing');
  },
);

/** A core whose grammars allow what the rule says of the text so far. */
function grammarCore(rule: FakeRule) {
  const grammars = new FakeGrammars(rule);
  const refused: unknown[] = [];
  let numWoken = 0;
  const core = new EngineCore({
    runner: new MaskedRunner(SHAPE),
    blocks: new BlockManager(SHAPE.numBlocks, SHAPE.blockSize),
    limits: {
      maxNumSeqs: 4,
      maxNumBatchedTokens: 32,
      prefixCaching: true,
      asyncScheduling: true,
      numSpeculativeTokens: 0,
      maxPrefillMsPerStep: null,
      maxModelLen: SHAPE.maxModelLen,
    },
    vocabSize: FAKE_VOCAB_SIZE,
    eosTokenIds: [FAKE_EOS],
    grammars,
    onRefused: (id, error) => refused.push([id, error]),
    onWork: () => {
      numWoken += 1;
    },
    now: () => 0,
  });
  const settled = async () => {
    while (numWoken + refused.length === 0) await new Promise(setImmediate);
  };
  return { core, grammars, refused, settled };
}

const tokensOf = (results: readonly StepResult[], id: string) =>
  results.flatMap(({ outputs }) => outputs).flatMap((output) => (output.id === id ? output.tokenIds : []));

t.test('a text follows its grammar to its end, and others beside it are as without', async (t) => {
  const { core, grammars, settled } = grammarCore((text) =>
    text.length < 6 ? [10 + text.length, 40] : [FAKE_EOS],
  );
  const free = fakeRequest('free', [1, 2, 3], { maxTokens: 20 });
  core.add(fakeRequest('held', [4, 5], { maxTokens: 20, temperature: 1, grammar: FAKE_GRAMMAR }));
  t.notOk(core.hasWork, 'its grammar is compiled first');
  core.add(free);
  await settled();
  const results = await drain(core);
  const text = tokensOf(results, 'held');
  t.equal(text.length, 7);
  t.ok(text.slice(0, 6).every((id, i) => id === 10 + i || id === 40));
  t.equal(text[6], FAKE_EOS);
  t.same(tokensOf(results, 'free'), expectedAnswer(free, SHAPE.maxModelLen).tokenIds);
  t.same(grammars.asked.length, 7);
  t.equal(grammars.numOpen, 0);
  core.checkIntegrity();
});

t.test('a step waits for the grammar where nothing else is to be done', async (t) => {
  const slow = async (text: readonly number[]) => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    return text.length < 3 ? [7] : [FAKE_EOS];
  };
  const { core, settled } = grammarCore(slow);
  core.add(fakeRequest('a', [1], { maxTokens: 9, grammar: FAKE_GRAMMAR }));
  await settled();
  t.same(tokensOf(await drain(core), 'a'), [7, 7, 7, FAKE_EOS]);
});

t.test('a grammar that fails amid a text ends that text with its error, and the others go on', async (t) => {
  const { core, refused, settled } = grammarCore((text) => (text.length < 2 ? [7] : badGrammar()));
  const free = fakeRequest('free', [1], { maxTokens: 8 });
  core.add(fakeRequest('bad', [1], { maxTokens: 9, grammar: FAKE_GRAMMAR }));
  await settled();
  core.add(free);
  const results = await drain(core);
  t.match(refused, [['bad', { code: 'invalid_grammar' }]]);
  t.same(tokensOf(results, 'bad'), [7, 7]);
  t.equal(tokensOf(results, 'free').length, expectedAnswer(free, SHAPE.maxModelLen).tokenIds.length);
  core.checkIntegrity();
});

/** A core that waits in a step for a grammar which never tells. */
async function waitingCore() {
  const never = new Promise<readonly number[]>(() => undefined);
  const { core, settled } = grammarCore((text) => (text.length === 0 ? [7] : never));
  core.add(fakeRequest('held', [1], { maxTokens: 9, grammar: FAKE_GRAMMAR }));
  await settled();
  await core.step();
  return { core, waiting: core.step() };
}

t.test('a grammar that takes its time holds nobody else up', async (t) => {
  const { core, waiting } = await waitingCore();
  core.add(fakeRequest('free', [1, 2], { maxTokens: 1 }));
  const { outputs } = await waiting;
  t.match(outputs, [{ id: 'free', finishReason: 'length' }]);
  core.checkIntegrity();
});

t.test('a step ends whose last sequence is dropped while its grammar is waited for', async (t) => {
  const { core, waiting } = await waitingCore();
  core.abort('held');
  t.same((await waiting).outputs, []);
  t.notOk(core.hasWork);
});

t.test('a request is dropped while its grammar is compiled', async (t) => {
  const { core, grammars } = grammarCore(() => [7]);
  core.add(fakeRequest('a', [1], { grammar: FAKE_GRAMMAR }));
  core.abort('a');
  t.equal(grammars.numOpen, 0);
  await new Promise(setImmediate);
  t.notOk(core.hasWork);
});

import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { BlockManager } from '#halflight/engine/block-manager.js';
import { EngineCore, type StepResult } from '#halflight/engine/core.js';
import { EngineLoop } from '#halflight/engine/loop.js';
import type { ModelRunner } from '#halflight/engine/model-runner.js';
import type { StepReading } from '#halflight/ops/ops.js';
import { FAKE_EOS, FAKE_VOCAB_SIZE, FakeRunner, fakeRequest, sampledTokens } from '../support/fake-runner.js';

const SHAPE = { numBlocks: 64, blockSize: 16, maxModelLen: 1024 };

interface Harness {
  readonly core: EngineCore;
  readonly loop: EngineLoop;
  readonly results: StepResult[];
  readonly errors: Error[];
}

function createLoop(runner: ModelRunner = new FakeRunner(SHAPE), stepTimeoutMs = 5_000): Harness {
  const core = new EngineCore({
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
    now: () => performance.now(),
  });
  const results: StepResult[] = [];
  const errors: Error[] = [];
  const events = {
    onStep: (result: StepResult) => void results.push(result),
    onFailed: (error: Error) => void errors.push(error),
  };
  return { core, loop: new EngineLoop(core, events, stepTimeoutMs), results, errors };
}

t.test('the loop sleeps without work, wakes for it, reports each step once, and sleeps again', async (t) => {
  const runner = new FakeRunner(SHAPE);
  const { core, loop, results } = createLoop(runner);
  const ended = loop.run();
  await sleep(20);
  t.equal(runner.numRuns, 0);
  core.add(fakeRequest('a', [1, 2], { maxTokens: 5 }));
  loop.wake();
  while (core.hasWork) await sleep(2);
  await sleep(20);
  t.equal(runner.numRuns, 5);
  t.equal(results.length, 5);
  loop.stop();
  await ended;
});

t.test('commands get in between the steps of a runner that never waits', async (t) => {
  const { core, loop, results } = createLoop();
  core.add(fakeRequest('a', [1], { maxTokens: 1000 }));
  const ended = loop.run();
  await new Promise((resolve) => setImmediate(resolve));
  core.abort('a');
  await new Promise((resolve) => setImmediate(resolve));
  t.notOk(core.hasWork);
  t.ok(results.length < 5);
  loop.stop();
  await ended;
});

t.test('a step past its time fails the engine, and its late result is dropped', async (t) => {
  let finish: (results: StepReading) => void = () => undefined;
  const runner = new FakeRunner(SHAPE);
  runner.run = () => new Promise((resolve) => (finish = resolve));
  const { core, loop, results, errors } = createLoop(runner, 20);
  core.add(fakeRequest('a', [1]));
  await loop.run();
  t.same(
    errors.map(({ message }) => message),
    ['a step took longer than 20 ms'],
  );
  t.throws(() => core.add(fakeRequest('b', [1])), { code: 'engine_failed' });
  finish(sampledTokens([1]));
  await sleep(5);
  t.equal(results.length, 0);
  t.equal(errors.length, 1);
});

t.test('a failure that comes from outside ends the loop, asleep or in a step', async (t) => {
  for (const busy of [false, true]) {
    const runner = new FakeRunner(SHAPE);
    runner.run = () => new Promise(() => undefined);
    const { core, loop, errors } = createLoop(runner);
    if (busy) core.add(fakeRequest('a', [1]));
    const ended = loop.run();
    loop.fail(new Error('device lost'));
    loop.fail(new Error('again'));
    await ended;
    t.same(errors, [new Error('device lost')]);
  }
});

t.test('a stopped loop starts no further step', async (t) => {
  const { core, loop, results, errors } = createLoop();
  core.add(fakeRequest('a', [1], { maxTokens: 1000 }));
  const ended = loop.run();
  loop.stop();
  await ended;
  t.equal(results.length, 0);
  t.same(errors, []);
});

import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { createLocalEngine } from '#halflight/engine/local.js';
import type { TokenOutput } from '#halflight/engine/types.js';
import { FakeRunner, fakeModel, fakeRequest } from '../support/fake-runner.js';

const SHAPE = { numBlocks: 64, blockSize: 16, maxModelLen: 512 };

async function collect(outputs: AsyncIterable<TokenOutput>): Promise<TokenOutput[]> {
  const collected: TokenOutput[] = [];
  for await (const output of outputs) collected.push(output);
  return collected;
}

t.test('closing an engine on the calling thread destroys its runner', async (t) => {
  const runner = new FakeRunner(SHAPE);
  const options = {
    maxNumSeqs: 4,
    maxNumBatchedTokens: 32,
    prefixCaching: true,
    asyncScheduling: true,
    numSpeculativeTokens: 0,
    maxPrefillMsPerStep: null,
    stepTimeoutMs: 1_000,
  };
  await createLocalEngine(fakeModel(SHAPE, runner), options).close();
  t.ok(runner.destroyed);
});

t.test('a device that is lost while nothing runs is reported', async (t) => {
  const runner = new FakeRunner(SHAPE);
  const options = {
    maxNumSeqs: 4,
    maxNumBatchedTokens: 32,
    prefixCaching: true,
    asyncScheduling: true,
    numSpeculativeTokens: 0,
    maxPrefillMsPerStep: null,
    stepTimeoutMs: 1_000,
  };
  const engine = createLocalEngine(fakeModel(SHAPE, runner), options);
  runner.lose(new Error('the device was lost'));
  t.match(await engine.failed, { message: 'the device was lost' });
});

t.test('an answer may take longer than any of its steps may', async (t) => {
  const runner = new FakeRunner(SHAPE);
  const run = runner.run.bind(runner);
  runner.run = (batch) => run(batch).then((results) => sleep(20, results));
  const options = {
    maxNumSeqs: 4,
    maxNumBatchedTokens: 32,
    prefixCaching: true,
    asyncScheduling: true,
    numSpeculativeTokens: 0,
    maxPrefillMsPerStep: null,
    stepTimeoutMs: 150,
  };
  const engine = createLocalEngine(fakeModel(SHAPE, runner), options);
  const start = performance.now();
  t.equal((await collect(engine.generate(fakeRequest('a', [1], { maxTokens: 50 })))).length, 50);
  t.ok(performance.now() - start > 2 * options.stepTimeoutMs);
  await engine.close();
});

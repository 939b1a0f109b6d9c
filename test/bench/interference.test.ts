import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { measureInterference } from '#halflight/bench/interference.js';
import { createLocalEngine } from '#halflight/engine/local.js';
import { ENGINE_DEFAULTS } from '#halflight/engine/options.js';
import { FakeRunner, fakeModel } from '../support/fake-runner.js';

const SHAPE = { numBlocks: 64, blockSize: 16, maxModelLen: 512 };

/** Takes 2 ms for each step and 0.5 ms more for each token, one step after another. */
class SlowRunner extends FakeRunner {
  #idle: Promise<unknown> = Promise.resolve();

  override async run(batch: Parameters<FakeRunner['run']>[0]): ReturnType<FakeRunner['run']> {
    const results = super.run(batch);
    this.#idle = this.#idle.then(() => sleep(2 + batch.numTokens / 2));
    await this.#idle;
    return results;
  }
}

t.test('a prompt that is prefilled at once shows as a gap in the running streams', async (t) => {
  const engine = createLocalEngine(fakeModel(SHAPE, new SlowRunner(SHAPE)), {
    ...ENGINE_DEFAULTS,
    maxPrefillMsPerStep: 1e6,
  });
  const shape = { concurrency: 2, inputLen: 4, outputLen: 40, vocabSize: 61, longInputLen: 200 };
  const result = await measureInterference(engine, shape);
  await engine.close();
  t.ok(result.longTtftMs >= 100, 'at least 200 tokens of 0.5 ms');
  t.ok(result.p99ItlBesideMs >= 100, 'both streams waited for it');
  t.ok(result.p99ItlBeforeMs < result.p99ItlBesideMs);
});

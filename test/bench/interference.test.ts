import t from 'tap';
import { measureInterference } from '#halflight/bench/interference.js';
import { createLocalEngine } from '#halflight/engine/local.js';
import { ENGINE_DEFAULTS } from '#halflight/engine/options.js';
import { FakeRunner, fakeModel } from '../support/fake-runner.js';

const SHAPE = { numBlocks: 64, blockSize: 16, maxModelLen: 512 };

/** Takes 2 ms for each step and 0.5 ms more for each token. */
class SlowRunner extends FakeRunner {
  override async run(batch: Parameters<FakeRunner['run']>[0]): Promise<Uint32Array> {
    await new Promise((resolve) => setTimeout(resolve, 2 + batch.numTokens / 2));
    return super.run(batch);
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

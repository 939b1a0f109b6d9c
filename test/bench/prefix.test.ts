import t from 'tap';
import { measurePrefix } from '#halflight/bench/prefix.js';
import { createLocalEngine } from '#halflight/engine/local.js';
import { ENGINE_DEFAULTS } from '#halflight/engine/options.js';
import { fakeModel } from '../support/fake-runner.js';

t.test(
  'the second prompt of a round finds its start in the cache, and no round that of another',
  async (t) => {
    const engine = createLocalEngine(
      fakeModel({ numBlocks: 64, blockSize: 16, maxModelLen: 256 }),
      ENGINE_DEFAULTS,
    );
    const options = { sharedLen: 100, ownLen: 10, vocabSize: 61 };
    for (const round of [0, 1]) {
      const { uncachedTtftMs, cachedTtftMs, numCachedTokens } = await measurePrefix(engine, options, round);
      t.equal(numCachedTokens, 96, 'full blocks of 16');
      t.ok(uncachedTtftMs > 0 && cachedTtftMs > 0);
    }
    t.equal(engine.stats().prefixCacheHits, 192);
    await engine.close();
  },
);

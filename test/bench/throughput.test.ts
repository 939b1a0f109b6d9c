import t from 'tap';
import { measureThroughput, median, quantile } from '#halflight/bench/throughput.js';
import { createLocalEngine } from '#halflight/engine/local.js';
import { ENGINE_DEFAULTS } from '#halflight/engine/options.js';
import { fakeModel } from '../support/fake-runner.js';

t.test('every stream generates its full answer, and the throughput is tokens over time', async (t) => {
  const model = fakeModel({ numBlocks: 64, blockSize: 16, maxModelLen: 128 });
  const engine = createLocalEngine(model, ENGINE_DEFAULTS);
  const shape = { concurrency: 3, inputLen: 5, outputLen: 7, vocabSize: 61 };
  const result = await measureThroughput(engine, shape);
  await engine.close();
  t.equal(result.numOutputTokens, 21);
  t.equal(result.outputThroughput, 21_000 / result.durationMs);
  t.ok(result.medianTtftMs > 0 && result.medianTtftMs <= result.durationMs);
  t.ok(result.medianItlMs >= 0 && result.medianItlMs <= result.p99ItlMs);
});

t.test('quantiles of hand-picked values', async (t) => {
  t.equal(quantile([3, 1, 2], 0.5), 2);
  t.equal(quantile([5], 0.99), 5);
  t.equal(
    quantile(
      Array.from({ length: 100 }, (_, i) => i),
      0.99,
    ),
    99,
  );
  t.ok(Number.isNaN(quantile([], 0.5)));
});

t.test('the median measurement is the one whose figure lies in the middle', async (t) => {
  const results = [30, 10, 20].map((rate) => ({ rate }));
  t.equal(
    median(results, ({ rate }) => rate),
    results[2],
  );
});

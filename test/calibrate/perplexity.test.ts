import t, { type Test } from 'tap';
import { measurePerplexity } from '#halflight/calibrate/perplexity.js';
import { FAKE_VOCAB, NextIdRows } from '../support/fake-rows.js';

// Sums of a few f64 terms: nothing but rounding.
const near = (t: Test, actual: number, expected: number) =>
  t.ok(Math.abs(actual - expected) < 1e-6, `${actual} is ${expected}`);

t.test('a model that knows nothing has the vocabulary’s size as its perplexity', async (t) => {
  const windows = [
    { tokenIds: [3, 1], firstScored: 1 },
    { tokenIds: [0, 2], firstScored: 1 },
  ];
  const result = await measurePerplexity(new NextIdRows(0), windows);
  near(t, result.perplexity, FAKE_VOCAB);
  near(t, result.meanNll, Math.log(FAKE_VOCAB));
  near(t, result.standardError, 0);
});

t.test('mean and standard errors are over all scored tokens', async (t) => {
  // One of three predictions is right.
  const right = -Math.log(Math.E / (Math.E + 3));
  const wrong = -Math.log(1 / (Math.E + 3));
  const result = await measurePerplexity(new NextIdRows(1), [{ tokenIds: [0, 1, 3, 3], firstScored: 1 }]);
  const mean = (right + 2 * wrong) / 3;
  near(t, result.meanNll, mean);
  near(t, result.perplexity, Math.exp(mean));
  const variance = ((right - mean) ** 2 + 2 * (wrong - mean) ** 2) / 2;
  near(t, result.standardError, Math.sqrt(variance / 3));
  near(t, result.perplexityError, Math.exp(mean) * Math.sqrt(variance / 3));
});

t.test('only scored tokens count, and each window is told', async (t) => {
  const windows = [0, 1].map(() => ({ tokenIds: [2, 2, 2, 3, 0], firstScored: 3 }));
  const told: string[] = [];
  const result = await measurePerplexity(new NextIdRows(20), windows, (done, total) =>
    told.push(`${done}/${total}`),
  );
  t.equal(result.numScored, 4);
  near(t, result.perplexity, 1);
  t.strictSame(told, ['1/2', '2/2']);
});

import t, { type Test } from 'tap';
import { measureDivergence } from '#halflight/calibrate/divergence.js';
import { NextIdRows } from '../support/fake-rows.js';

// Sums of a few f64 terms of f32 logits.
const near = (t: Test, actual: number, expected: number) =>
  t.ok(Math.abs(actual - expected) < 1e-6, `${actual} is ${expected}`);

const windows = [
  { tokenIds: [0, 1, 3], firstScored: 1 },
  { tokenIds: [2, 2, 3], firstScored: 2 },
];

t.test('a model is at no distance from itself', async (t) => {
  const result = await measureDivergence(new NextIdRows(1), new NextIdRows(1), windows);
  t.strictSame(result.kl, { mean: 0, standardError: 0, median: 0, p99: 0, max: 0 });
  t.strictSame(result.topAgreement, { mean: 1, standardError: 0 });
  t.strictSame(result.logLikelihoodDifference, { mean: 0, standardError: 0 });
  t.strictSame(result.perplexityRatio, { mean: 1, standardError: 0 });
  t.strictSame(result.model, result.reference);
});

t.test('figures are what the definitions give by hand', async (t) => {
  // The reference gives the next id ln 3: probabilities 1/2, 1/6, 1/6, 1/6. The model knows nothing: 1/4 each.
  const result = await measureDivergence(new NextIdRows(0), new NextIdRows(Math.log(3)), windows);
  const kl = 0.5 * Math.log(2) + 0.5 * Math.log(4 / 6);
  for (const figure of ['mean', 'median', 'p99', 'max'] as const) near(t, result.kl[figure], kl);
  // Of the three scored tokens the first and the last are the next id.
  const gains = [Math.log(1 / 2), Math.log(3 / 2), Math.log(1 / 2)];
  const mean = (gains[0] + gains[1] + gains[2]) / 3;
  const { logLikelihoodDifference, perplexityRatio, model, reference, topAgreement } = result;
  near(t, logLikelihoodDifference.mean, mean);
  const variance = gains.reduce((sum, gain) => sum + (gain - mean) ** 2, 0) / 2;
  near(t, logLikelihoodDifference.standardError, Math.sqrt(variance / 3));
  near(t, perplexityRatio.mean, model.perplexity / reference.perplexity);
  near(t, perplexityRatio.standardError, Math.exp(-mean) * Math.sqrt(variance / 3));
  // Equal logits: the first token is the likeliest, which is the reference's after id 3 alone.
  near(t, topAgreement.mean, 0);
});

t.test('a reference that ends early is a fault of ours', (t) => {
  const short = { vocabSize: 4, async *rows() {} };
  return t.rejects(measureDivergence(new NextIdRows(0), short, windows), /fewer rows/);
});

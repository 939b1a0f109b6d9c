import type { Comparison, SchemeRow } from '#halflight/commands/comparison.js';

const perplexity = (value: number) => ({
  perplexity: value,
  perplexityError: 0.05,
  meanNll: Math.log(value),
  standardError: 0.02,
  numScored: 100,
});

const full: SchemeRow = {
  scheme: 'full',
  weightFormat: 'bf16',
  weightBytes: 8_000_000,
  prefillThroughput: 1000,
  decodeThroughput: 100,
  perplexity: perplexity(2),
  divergence: null,
};

const int4: SchemeRow = {
  ...full,
  scheme: 'int4',
  weightFormat: 'int4-g32',
  weightBytes: 2_000_000,
  decodeThroughput: 200,
  perplexity: perplexity(2.1),
  divergence: {
    model: perplexity(2.1),
    reference: perplexity(2),
    perplexityRatio: { mean: 1.05, standardError: 0.01 },
    logLikelihoodDifference: { mean: -0.05, standardError: 0.01 },
    kl: { mean: 0.00123, standardError: 0.0001, median: 0.001, p99: 0.01, max: 0.1 },
    topAgreement: { mean: 0.97, standardError: 0.01 },
  },
};

/** A comparison as it may be measured, of a model whose name has to be escaped. */
export const COMPARISON: Comparison = {
  model: 'a <b> & "c"',
  adapter: 'an adapter',
  date: '2026-11-25T10:11:12.000Z',
  text: { file: 'text.txt', protocol: 'windows', window: 512, numScored: 100 },
  inputLen: 16,
  outputLen: 8,
  repeats: 3,
  rows: [full, int4],
};

const withoutText = (row: SchemeRow): SchemeRow => ({ ...row, perplexity: null, divergence: null });

export const WITHOUT_TEXT: Comparison = { ...COMPARISON, text: null, rows: [full, int4].map(withoutText) };

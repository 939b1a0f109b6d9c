import type { SamplingRow } from './ops.js';
import { philox } from './philox.js';

/** What of a sampling row decides the draw once the logits are edited. */
export type DrawOptions = Omit<SamplingRow, 'edits' | 'numLogprobs'>;

/**
 * The reference of `shaders/sample.wgsl`, by sorting. Keeps the tokens that min-p, top-k and then top-p let through (logits equal to the
 * last one kept stay too), and draws one by the Gumbel-max trick: argmax of logit/temperature + Gumbel noise.
 */
export function sampleRow(logits: ArrayLike<number>, row: DrawOptions): number {
  const order = Array.from({ length: logits.length }, (_, i) => i).sort(
    (a, b) => logits[b] - logits[a] || a - b,
  );
  if (row.temperature === 0) return order[0];
  const scores = (i: number) => logits[i] / row.temperature + gumbel(row, i);
  return keptTokens(logits, order, row).reduce((best, i) => (scores(i) > scores(best) ? i : best));
}

/** Indices that may be drawn, most likely first. `order` sorts the logits downwards. */
export function keptTokens(logits: ArrayLike<number>, order: readonly number[], row: DrawOptions): number[] {
  const greatest = logits[order[0]];
  const probability = (i: number) => Math.exp((logits[i] - greatest) / row.temperature);
  let kept = order.filter((i) => probability(i) >= row.minP);
  if (row.topK > 0 && row.topK < kept.length) kept = withTies(logits, kept, row.topK);
  if (row.topP < 1) kept = withTies(logits, kept, countForMass(kept.map(probability), row.topP));
  return kept;
}

/** How many of the descending probabilities reach the share `topP` of their sum. */
function countForMass(probabilities: readonly number[], topP: number): number {
  const goal = topP * probabilities.reduce((sum, p) => sum + p, 0);
  let mass = 0;
  const last = probabilities.findIndex((p) => {
    mass += p;
    return mass >= goal;
  });
  return last < 0 ? probabilities.length : last + 1;
}

function withTies(logits: ArrayLike<number>, kept: readonly number[], count: number): number[] {
  const threshold = logits[kept[count - 1]];
  return kept.filter((i) => logits[i] >= threshold);
}

/**
 * Standard Gumbel noise −log(−log(1 − u)) of a token, u from 23 bits of the generator. So many and no more, because u is then exact
 * in f32 and never 0 or 1: rounded to 1 it would make the noise infinite, and a token at random win, once in some million tokens.
 */
export function gumbel(row: Pick<DrawOptions, 'seed' | 'position'>, token: number): number {
  const words = philox([token >>> 2, row.position, 0, 0], row.seed);
  return -Math.log(-Math.log1p(-((words[token & 3] >>> 9) + 0.5) * 2 ** -23));
}

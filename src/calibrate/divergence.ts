import { klDivergence, rowSums } from './log-probs.js';
import { type Perplexity, perplexityOf } from './perplexity.js';
import { type Estimate, estimate, quantileOf } from './statistics.js';
import { type LogitsSource, type OnWindow, scoredIds, type Window } from './windows.js';

/** How far a model's predictions are from those of a reference, token by token of the same text. */
export interface Divergence {
  readonly model: Perplexity;
  readonly reference: Perplexity;
  /** Perplexity of the model over that of the reference, and its error from the paired differences. */
  readonly perplexityRatio: Estimate;
  /** Log-likelihood of a token by the model less that by the reference, nats; its error is that of the differences. */
  readonly logLikelihoodDifference: Estimate;
  /** Kullback–Leibler divergence D(reference ‖ model) of a prediction, nats. */
  readonly kl: Estimate & { readonly median: number; readonly p99: number; readonly max: number };
  /** Share of the tokens whose likeliest next token is the same in both. */
  readonly topAgreement: Estimate;
}

/** Figures of one scored token, of which `Divergence` has the means. */
export interface TokenFigures {
  readonly loss: number;
  readonly referenceLoss: number;
  readonly kl: number;
  /** 1 where the likeliest token is the same, else 0. */
  readonly agrees: number;
}

/** What `compareTokens` finds of all scored tokens, summed up. Rejects as it does. */
export async function measureDivergence(
  model: LogitsSource,
  reference: LogitsSource,
  windows: readonly Window[],
  onWindow?: OnWindow,
): Promise<Divergence> {
  return divergenceOf(await compareTokens(model, reference, windows, onWindow));
}

/**
 * Both read a window at the same time, row by row, so that no more than a chunk of logits of each is in memory. Resolves with the scored tokens in
 * their order. Rejects where the reference gives fewer rows than the model.
 */
export async function compareTokens(
  model: LogitsSource,
  reference: LogitsSource,
  windows: readonly Window[],
  onWindow?: OnWindow,
): Promise<readonly TokenFigures[]> {
  const tokens: TokenFigures[] = [];
  for (const [i, window] of windows.entries()) {
    const others = reference.rows(window)[Symbol.asyncIterator]();
    const ids = scoredIds(window);
    let next = 0;
    for await (const row of model.rows(window)) {
      const other = await others.next();
      if (other.done) throw new Error('the reference has fewer rows than the model');
      tokens.push(tokenFigures(row, other.value, ids[next++]));
    }
    await others.return?.();
    onWindow?.(i + 1, windows.length);
  }
  return tokens;
}

function tokenFigures(row: Float32Array, reference: Float32Array, id: number): TokenFigures {
  const [own, other] = [rowSums(row), rowSums(reference)];
  return {
    loss: own.norm - row[id],
    referenceLoss: other.norm - reference[id],
    kl: klDivergence(reference, row, other.norm, own.norm),
    agrees: own.top === other.top ? 1 : 0,
  };
}

/** @param tokens at least one */
export function divergenceOf(tokens: readonly TokenFigures[]): Divergence {
  const difference = estimate(tokens.map(({ loss, referenceLoss }) => referenceLoss - loss));
  const ratio = Math.exp(-difference.mean);
  const kl = tokens.map((token) => token.kl);
  const sorted = kl.toSorted((a, b) => a - b);
  return {
    model: perplexityOf(tokens.map(({ loss }) => loss)),
    reference: perplexityOf(tokens.map(({ referenceLoss }) => referenceLoss)),
    perplexityRatio: { mean: ratio, standardError: ratio * difference.standardError },
    logLikelihoodDifference: difference,
    kl: {
      ...estimate(kl),
      median: quantileOf(sorted, 0.5),
      p99: quantileOf(sorted, 0.99),
      max: quantileOf(sorted, 1),
    },
    topAgreement: estimate(tokens.map(({ agrees }) => agrees)),
  };
}

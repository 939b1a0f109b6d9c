import { tokenLoss } from './log-probs.js';
import { estimate } from './statistics.js';
import { type LogitsSource, type OnWindow, scoredIds, type Window } from './windows.js';

export interface Perplexity {
  readonly perplexity: number;
  /** Of the perplexity, to first order: the perplexity times that of the mean. */
  readonly perplexityError: number;
  /** Mean negative log-likelihood of a token, in nats, and its standard error. */
  readonly meanNll: number;
  readonly standardError: number;
  /** Tokens that were predicted. */
  readonly numScored: number;
}

/** exp of the mean negative log-likelihood over the windows' scored tokens. Rejects where the device is lost. */
export async function measurePerplexity(
  source: LogitsSource,
  windows: readonly Window[],
  onWindow?: OnWindow,
): Promise<Perplexity> {
  const losses: number[] = [];
  for (const [i, window] of windows.entries()) {
    const ids = scoredIds(window);
    let next = 0;
    for await (const row of source.rows(window)) losses.push(tokenLoss(row, ids[next++]));
    onWindow?.(i + 1, windows.length);
  }
  return perplexityOf(losses);
}

/** @param losses negative log-likelihoods of tokens, nats */
export function perplexityOf(losses: readonly number[]): Perplexity {
  const { mean, standardError } = estimate(losses);
  const perplexity = Math.exp(mean);
  return {
    perplexity,
    perplexityError: perplexity * standardError,
    meanNll: mean,
    standardError,
    numScored: losses.length,
  };
}

import type { LogitsModel } from '../engine/logits.js';

export interface Perplexity {
  readonly perplexity: number;
  /** Mean negative log-likelihood of a token, in nats, and its standard error. */
  readonly meanNll: number;
  readonly standardError: number;
  /** Tokens of the text, and how many of them were predicted. */
  readonly numTokens: number;
  readonly numScored: number;
}

export interface PerplexityOptions {
  /** Tokens in a window. Windows do not overlap; every position but a window's first is scored; a shorter last window is left out. */
  readonly window: number;
  /** Called after each window. */
  readonly onWindow?: (done: number, total: number) => void;
}

/** exp of the mean negative log-likelihood over the text's windows. Throws RangeError where the text is shorter than one window. */
export async function measurePerplexity(
  model: LogitsModel,
  tokenIds: readonly number[],
  { window, onWindow }: PerplexityOptions,
): Promise<Perplexity> {
  const total = Math.floor(tokenIds.length / window);
  if (total === 0)
    throw new RangeError(`the text has ${tokenIds.length} tokens, fewer than one window of ${window}`);
  const losses: number[] = [];
  for (let i = 0; i < total; i++) {
    const ids = tokenIds.slice(i * window, (i + 1) * window);
    for (const loss of windowLosses(await model.logits(ids), ids, model.vocabSize)) losses.push(loss);
    onWindow?.(i + 1, total);
  }
  return summarize(losses, tokenIds.length);
}

/** Negative log-likelihood of each token but the first, given those before it. `logits` is `[tokens][vocab]`. */
export function windowLosses(logits: Float32Array, tokenIds: readonly number[], vocabSize: number): number[] {
  return tokenIds.slice(1).map((id, i) => {
    const row = logits.subarray(i * vocabSize, (i + 1) * vocabSize);
    return logSumExp(row) - row[id];
  });
}

function logSumExp(row: Float32Array): number {
  const greatest = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  return greatest + Math.log(row.reduce((sum, value) => sum + Math.exp(value - greatest), 0));
}

function summarize(losses: readonly number[], numTokens: number): Perplexity {
  const numScored = losses.length;
  const meanNll = losses.reduce((sum, loss) => sum + loss, 0) / numScored;
  const variance = losses.reduce((sum, loss) => sum + (loss - meanNll) ** 2, 0) / Math.max(1, numScored - 1);
  return {
    perplexity: Math.exp(meanNll),
    meanNll,
    standardError: Math.sqrt(variance / numScored),
    numTokens,
    numScored,
  };
}

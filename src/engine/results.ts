import type { SamplingRow, ScoringRow } from '../ops/ops.js';
import { RESULT } from '../ops/result-layout.js';
import type { TokenLogprobs } from './types.js';

/** The token of row `row` of a step's results. */
export function tokenOf(words: Uint32Array, row: number): number {
  return words[row * RESULT.words + RESULT.tokenId];
}

/** What a row tells of the token `tokenId`; undefined where nothing was asked. */
export function logprobsOf(
  words: Uint32Array,
  row: number,
  tokenId: number,
  { numLogprobs }: Pick<SamplingRow | ScoringRow, 'numLogprobs'>,
): TokenLogprobs | undefined {
  if (numLogprobs === null) return undefined;
  const start = row * RESULT.words;
  const floats = new Float32Array(words.buffer, words.byteOffset + 4 * start, RESULT.words);
  const top = Array.from({ length: numLogprobs }, (_, i) => ({
    tokenId: words[start + RESULT.topIds + i],
    logprob: floats[RESULT.topLogprobs + i],
  }));
  return { tokenId, logprob: floats[RESULT.logprob], rank: words[start + RESULT.rank], top };
}

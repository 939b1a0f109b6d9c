/** A row of results, as `sample` and `logprobs` write it: what a step tells the host of one row of logits. */

/** Tokens whose log-probabilities can be told beside the row's own. */
export const MAX_LOGPROBS = 20;

/** Offsets in words within a row. Log-probabilities are the bits of an f32. */
export const RESULT = {
  tokenId: 0,
  logprob: 1,
  /** Of the row's token among all, 1 for the likeliest. */
  rank: 2,
  /** `[MAX_LOGPROBS]` ids, likeliest first, then their log-probabilities. */
  topIds: 4,
  topLogprobs: 4 + MAX_LOGPROBS,
  words: 64,
} as const;

import { floatBits } from './batch-layout.js';
import { RESULT } from './result-layout.js';

/**
 * The reference of `shaders/logprobs.wgsl`, by sorting: writes what `RESULT` holds of a row of logits, but for the token itself.
 * @param numTop likeliest tokens to tell of, of which a small vocabulary may have fewer
 */
export function writeLogprobs(
  logits: ArrayLike<number>,
  tokenId: number,
  numTop: number,
  out: { [index: number]: number },
): void {
  const order = Array.from({ length: logits.length }, (_, i) => i).sort(
    (a, b) => logits[b] - logits[a] || a - b,
  );
  const total = logSumExp(logits, logits[order[0]]);
  out[RESULT.logprob] = floatBits(logits[tokenId] - total);
  out[RESULT.rank] = 1 + order.filter((i) => logits[i] > logits[tokenId]).length;
  for (const [i, id] of order.slice(0, numTop).entries()) {
    out[RESULT.topIds + i] = id;
    out[RESULT.topLogprobs + i] = floatBits(logits[id] - total);
  }
}

function logSumExp(logits: ArrayLike<number>, greatest: number): number {
  return greatest + Math.log(Array.from(logits).reduce((sum, logit) => sum + Math.exp(logit - greatest), 0));
}

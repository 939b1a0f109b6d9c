/** Tokens at the end of the text that are looked up: as many as were seen before, and no fewer than the least, for a guess on less is mostly wrong. */
const MAX_NGRAM = 4;
const MIN_NGRAM = 2;

/**
 * Guesses what follows: what followed the last time that the text's end stood in it before (prompt look-up, Saxena 2023).
 * @returns at most `maxTokens` tokens, none where the end is new
 */
export function proposeDraft(tokenIds: readonly number[], maxTokens: number): readonly number[] {
  if (maxTokens <= 0) return [];
  let best = { length: MIN_NGRAM - 1, end: 0 };
  for (let end = tokenIds.length - 1; end >= MIN_NGRAM && best.length < MAX_NGRAM; end--) {
    const length = commonEnd(tokenIds, end);
    if (length > best.length) best = { length, end };
  }
  return best.end === 0 ? [] : tokenIds.slice(best.end, best.end + maxTokens);
}

/** How many tokens before `end` equal those at the end of the text, up to MAX_NGRAM. */
function commonEnd(tokenIds: readonly number[], end: number): number {
  let length = 0;
  while (length < MAX_NGRAM && length < end && tokenIds[end - 1 - length] === tokenIds.at(-1 - length)) {
    length += 1;
  }
  return length;
}

/**
 * How many drafts hold. Each row samples from the model's own distribution p with the generator's words for its position; a draft holds where
 * the sample is that draft. For a guess that is certain of itself this is the rejection rule of speculative sampling (Leviathan et al., 2023):
 * the draft d is kept with probability p(d), and what stands in its place otherwise is distributed as p without d. As the sample is the very one
 * that a step without drafts would have drawn, texts are the same with speculation on and off, sampled ones too.
 * @param sampled one token for each draft, and one more
 */
export function countAccepted(drafts: readonly number[], sampled: readonly number[]): number {
  const wrong = drafts.findIndex((draft, i) => draft !== sampled[i]);
  return wrong < 0 ? drafts.length : wrong;
}

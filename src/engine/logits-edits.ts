import { BANNED, type LogitsEdits, pendingToken, type TokenBias } from '../ops/ops.js';
import { UNCHANGED_LOGITS } from './request.js';
import type { Sequence } from './sequence.js';
import type { LogitsParams } from './types.js';

/** What the edits depend on beside the sequence. */
export interface Vocabulary {
  readonly size: number;
  readonly eosTokenIds: ReadonlySet<number>;
}

/**
 * What is done to the logits of the token after `drafts`, which follow the sequence's text. Null where nothing is.
 * Of a text with a pending token, which only the device knows, the last token is that one; there are no drafts then.
 */
export function logitsEdits(
  sequence: Sequence,
  drafts: readonly number[],
  vocabulary: Vocabulary,
): LogitsEdits | null {
  const { mask } = sequence;
  const { logits = mask === null ? undefined : UNCHANGED_LOGITS } = sequence.sampling;
  if (logits === undefined) return null;
  return {
    repetition: logits.repetitionPenalty,
    frequency: logits.frequencyPenalty,
    presence: logits.presencePenalty,
    counts: sequence.counts?.list(drafts) ?? [],
    pending: sequence.numPendingTokens === 0 ? null : pendingToken(sequence.pendingRow),
    biases: tokenBiases(sequence, logits, drafts, vocabulary),
    allowed: allowedTokens(logits.allowedTokenIds, mask, vocabulary.size),
  };
}

/** Whether some token may be drawn. Bans that hang on a pending token do not count. */
export function allowsToken({ allowed, biases }: LogitsEdits): boolean {
  if (allowed === null) return true;
  const left = allowed.slice();
  for (const { tokenId, bias, after } of biases) {
    if (bias === BANNED && after === null) left[tokenId >>> 5] &= ~(1 << (tokenId & 31));
  }
  return left.some((word) => word !== 0);
}

function allowedTokens(
  tokenIds: readonly number[] | null,
  mask: Uint32Array | null,
  size: number,
): Uint32Array | null {
  if (tokenIds === null) return mask;
  const allowed = bitmap(tokenIds, size);
  return mask === null ? allowed : allowed.map((word, i) => word & mask[i]);
}

/** A ban outweighs a bias, so that no token has two that hold at once. */
function tokenBiases(
  sequence: Sequence,
  logits: LogitsParams,
  drafts: readonly number[],
  vocabulary: Vocabulary,
): TokenBias[] {
  const biases = new Map<number, number>(logits.logitBias);
  if (sequence.numOutputTokens + drafts.length < logits.minTokens) {
    for (const id of vocabulary.eosTokenIds) biases.set(id, BANNED);
    for (const id of sequence.sampling.stopTokenIds) biases.set(id, BANNED);
  }
  const endings = badEndings(sequence, logits.badWords, drafts);
  for (const { tokenId, after } of endings) if (after === null) biases.set(tokenId, BANNED);
  const always = [...biases].map(([tokenId, bias]) => ({ tokenId, bias, after: null }));
  return [...always, ...endings.filter(({ after }) => after !== null)];
}

/** Last tokens of the bad words that the output is one token short of. */
function badEndings(
  { tokenIds, numPromptTokens, numPendingTokens }: Sequence,
  badWords: readonly (readonly number[])[],
  drafts: readonly number[],
): TokenBias[] {
  if (badWords.length === 0) return [];
  const longest = Math.max(...badWords.map((word) => word.length));
  const output = [...tokenIds.slice(Math.max(numPromptTokens, tokenIds.length - longest)), ...drafts];
  const endings = new Map<string, TokenBias>();
  for (const word of badWords) {
    const start = word.slice(0, -1);
    const after = numPendingTokens === 0 ? null : (start.pop() ?? null);
    if (!endsWith(output, start)) continue;
    const tokenId = word[word.length - 1];
    endings.set(`${tokenId} ${after}`, { tokenId, bias: BANNED, after });
  }
  return [...endings.values()];
}

function endsWith(text: readonly number[], end: readonly number[]): boolean {
  const from = text.length - end.length;
  return from >= 0 && end.every((tokenId, i) => text[from + i] === tokenId);
}

function bitmap(tokenIds: readonly number[], size: number): Uint32Array {
  const words = new Uint32Array(Math.ceil(size / 32));
  for (const id of tokenIds) words[id >>> 5] |= 1 << (id & 31);
  return words;
}

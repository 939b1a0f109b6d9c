export interface BatchCapacity {
  readonly maxTokens: number;
  readonly maxSequences: number;
  readonly maxBlocksPerSequence: number;
  /** Rows of logits computed in one step, and of these the ones that are sampled. */
  readonly maxLogits: number;
  readonly maxSampled: number;
}

/** One step's work, flat: the tokens of all its sequences one after another, prefill and decode alike. */
export interface Batch {
  readonly numTokens: number;
  readonly numSequences: number;
  /** `[tokens]`, each an id or a `pendingToken`. */
  readonly tokenIds: Uint32Array;
  /** `[tokens]` position within the token's sequence. */
  readonly positions: Uint32Array;
  /** `[tokens]` where its K and V go: block · blockSize + offset. */
  readonly slotMapping: Uint32Array;
  /** `[tokens]` the token's row of `blockTables`. */
  readonly sequenceIds: Uint32Array;
  /** `[sequences]` the adapter of each, counted from 1, and 0 for none; absent, none has one. */
  readonly adapters?: Uint32Array;
  /** `[sequences][maxBlocksPerSequence]` physical block of each logical one. */
  readonly blockTables: Uint32Array;
  /** `[logits]` index of the token whose logits are wanted: first those to sample from, then those whose log-probabilities alone are wanted. */
  readonly logitsRows: Uint32Array;
  /** `[sampled]` how to sample from the first rows of logits. */
  readonly sampling: readonly SamplingRow[];
  /** `[logits − sampled]` what to tell of the others. */
  readonly scoring: readonly ScoringRow[];
}

/** Set in a token id that the host does not know: its low bits are the row of the previous step's results where it was sampled. */
const PENDING = 0x8000_0000;

/** Stands for a token in `tokenIds` that was sampled into row `row` of the previous step's results. */
export function pendingToken(row: number): number {
  return (PENDING | row) >>> 0;
}

/** The row of a pending token; null for a token id. */
export function pendingRow(tokenId: number): number | null {
  return tokenId >= PENDING ? tokenId - PENDING : null;
}

export interface SamplingRow {
  /** 0 is greedy. */
  readonly temperature: number;
  /** Keep the k largest; 0 keeps all. */
  readonly topK: number;
  /** Keep the smallest set of the largest probabilities that reaches this mass, in (0, 1]. */
  readonly topP: number;
  /** Drop what is less likely than this share of the most likely one, in [0, 1]. */
  readonly minP: number;
  /** 64-bit seed as two words; with `position` it keys the generator, so a seed gives the same text in any batch. */
  readonly seed: readonly [number, number];
  /** Index of the token that is being sampled, from the start of its sequence. */
  readonly position: number;
  /** What is done to the logits before; null leaves them as they are. */
  readonly edits: LogitsEdits | null;
  /** Likeliest tokens to tell the log-probabilities of, 0–20, beside that of the sampled one; null tells none. */
  readonly numLogprobs: number | null;
}

/** A position of a prompt whose next token is known. */
export interface ScoringRow {
  readonly target: number;
  /** Likeliest tokens to tell of beside the target, 0–20. */
  readonly numLogprobs: number;
}

/**
 * Changes to a row of logits, in this order: tokens that are not allowed are banned, biases are added, then the penalties of vLLM:
 * a token of the prompt or the output has a positive logit divided by `repetition` and another multiplied by it;
 * one that the output holds c times loses c · `frequency`, and `presence` where c > 0. A banned token's logit is `BANNED`.
 */
export interface LogitsEdits {
  readonly repetition: number;
  readonly frequency: number;
  readonly presence: number;
  /** Distinct tokens of the sequence, as far as the host knows it; empty where no penalty is asked for. */
  readonly counts: readonly TokenCount[];
  /** The sequence's last token where the host does not know it yet, as `pendingToken`; it counts as one more token of the output. Null where it does. */
  readonly pending: number | null;
  readonly biases: readonly TokenBias[];
  /** One bit for each token, low bit first, set where it is allowed; null allows all. */
  readonly allowed: Uint32Array | null;
}

export interface TokenCount {
  readonly tokenId: number;
  readonly inPrompt: boolean;
  /** Times in the output. */
  readonly count: number;
}

export interface TokenBias {
  readonly tokenId: number;
  /** Added to the logit; `BANNED` bans the token. */
  readonly bias: number;
  /** Only where the pending token is this one; null in any case. */
  readonly after: number | null;
}

/** The logit of a token that must not be drawn: the lowest finite f32, for shaders may take infinities for granted not to exist. */
export const BANNED = -3.4028234663852886e38;

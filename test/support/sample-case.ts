import { editedRows } from '#halflight/ops/edits-layout.js';
import type { BatchBuffers, Ops, SamplingRow, ScoringRow, Tensor } from '#halflight/ops/ops.js';
import { RESULT } from '#halflight/ops/result-layout.js';
import { GREEDY, NEUTRAL } from './batches.js';
import { poisoned } from './compare.js';

/** Rows of logits, and what is done with each. */
export interface SampleInput {
  /** `[rows][vocabulary]`: first those to sample from, then those to score. */
  readonly logits: readonly ArrayLike<number>[];
  readonly sampling: readonly SamplingRow[];
  readonly scoring?: readonly ScoringRow[];
  /** Token of each row of the results before. */
  readonly previous?: readonly number[];
}

export interface Sampled<B> {
  /** `[2 · rows][vocabulary]` and spare rows: as given, then edited, poison where a row has no edits. */
  readonly logits: Tensor<B>;
  /** `[rows][RESULT.words]` u32 and spare rows. */
  readonly results: Tensor<B>;
}

const ALL_KERNELS: SampleInput = {
  logits: [[0, 1]],
  sampling: [{ ...GREEDY, edits: NEUTRAL, numLogprobs: 1 }],
};

/** Enqueues edits, sampling and log-probabilities, each where a row wants it. */
export function sampleCase<B>(ops: Ops<B>, input: SampleInput = ALL_KERNELS): Sampled<B> {
  const { sampling, scoring = [], previous = [0] } = input;
  const rows = input.logits.length;
  const vocabulary = input.logits[0].length;
  const logits = poisoned(ops, 2 * rows, vocabulary, 'f32');
  ops.write(logits, Float32Array.from(input.logits.flatMap((row) => Array.from(row))));
  const out = poisoned(ops, rows, RESULT.words, 'u32');
  const batch = rowsBatch(ops, sampling, scoring);
  const numEdited = editedRows(sampling).length;
  if (numEdited > 0) {
    ops.editLogits({ batch, previous: previousResults(ops, previous), logits, rows: numEdited });
  }
  ops.sample({ batch, logits, out, rows: sampling.length });
  if ([...sampling, ...scoring].some(({ numLogprobs }) => numLogprobs !== null)) {
    ops.logprobs({ batch, logits, out, rows });
  }
  return { logits, results: out };
}

/** Results of a step before, in which row i sampled `tokenIds[i]`, all else being poison. */
export function previousResults<B>(ops: Ops<B>, tokenIds: readonly number[]): Tensor<B> {
  const results = poisoned(ops, tokenIds.length, RESULT.words, 'u32');
  const rows = tokenIds.map((tokenId) => {
    const words = new Array<number>(RESULT.words).fill(54_321);
    return words.with(RESULT.tokenId, tokenId);
  });
  ops.write(results, Float32Array.from(rows.flat()));
  return results;
}

/** The token of each row of results, spare rows included. */
export async function tokensOf<B>(ops: Ops<B>, { results }: Sampled<B>): Promise<number[]> {
  const { words } = await ops.readWords(results, results.rows);
  return Array.from({ length: results.rows }, (_, row) => words[row * RESULT.words + RESULT.tokenId]);
}

function rowsBatch<B>(
  ops: Ops<B>,
  sampling: readonly SamplingRow[],
  scoring: readonly ScoringRow[],
): BatchBuffers<B> {
  const rows = sampling.length + scoring.length;
  const counts = { maxTokens: 1, maxSequences: 1, maxBlocksPerSequence: 1 };
  const batch = ops.batch({ ...counts, maxLogits: rows, maxSampled: sampling.length });
  ops.writeBatch(batch, {
    numTokens: 0,
    numSequences: 0,
    tokenIds: new Uint32Array(0),
    positions: new Uint32Array(0),
    slotMapping: new Uint32Array(0),
    sequenceIds: new Uint32Array(0),
    blockTables: new Uint32Array(0),
    logitsRows: new Uint32Array(rows),
    sampling,
    scoring,
  });
  return batch;
}

import { type Batch, pendingToken, type SamplingRow, type ScoringRow } from '../ops/ops.js';
import { logitsEdits, type Vocabulary } from './logits-edits.js';
import type { ScheduledSequence } from './plan.js';
import type { Sequence } from './sequence.js';

export interface BatchShape {
  readonly blockSize: number;
  /** Columns of the block tables. */
  readonly maxBlocksPerSequence: number;
  readonly vocabulary: Vocabulary;
}

/** Rows of logits that a step gives to a sequence: the first samples its next token, and each draft adds one. */
export interface SampledRows {
  readonly sequence: Sequence;
  readonly firstRow: number;
  readonly drafts: readonly number[];
}

/** Rows of logits that tell how likely `numRows` tokens of a sequence's prompt are. */
export interface ScoredRows {
  readonly sequence: Sequence;
  readonly firstRow: number;
  readonly targets: readonly number[];
}

/** Tokens of a step whose hidden states are a sequence's: `numTokens` from `firstToken` on, the first of them at `position`. */
export interface PooledTokens {
  readonly sequence: Sequence;
  readonly firstToken: number;
  readonly position: number;
  readonly numTokens: number;
}

/** A step's batch, and whose its rows of logits and its hidden states are. */
export interface StepLayout {
  readonly batch: Batch;
  readonly sampled: readonly SampledRows[];
  readonly scored: readonly ScoredRows[];
  readonly pooled: readonly PooledTokens[];
}

/** The last known token is computed in this step, so the step yields the next one. A chunk before it yields none. */
function yieldsToken({ sequence, numTokens, numDrafts }: ScheduledSequence): boolean {
  return sequence.pool === null && numTokens - numDrafts === sequence.numUncomputedTokens;
}

/** Lays a step's work out flat, in the order of `scheduled`; rows of logits are those that sample, then those of prompts to tell of. */
export function layOutStep(scheduled: readonly ScheduledSequence[], shape: BatchShape): StepLayout {
  const sampled = sampledRows(scheduled);
  const numSampled = sampled.reduce((sum, { drafts }) => sum + 1 + drafts.length, 0);
  const scored = scoredRows(scheduled, numSampled);
  const numScored = scored.reduce((sum, { targets }) => sum + targets.length, 0);
  const numTokens = scheduled.reduce((sum, item) => sum + item.numTokens, 0);
  const batch: Batch = {
    numTokens,
    numSequences: scheduled.length,
    tokenIds: new Uint32Array(numTokens),
    positions: new Uint32Array(numTokens),
    slotMapping: new Uint32Array(numTokens),
    sequenceIds: new Uint32Array(numTokens),
    blockTables: new Uint32Array(scheduled.length * shape.maxBlocksPerSequence),
    ...adaptersOf(scheduled),
    logitsRows: new Uint32Array(numSampled + numScored),
    sampling: sampled.flatMap((rows) => samplingRows(rows, shape.vocabulary)),
    scoring: scored.flatMap((rows) => scoringRows(rows, shape.vocabulary)),
  };
  fill(batch, scheduled, shape, { sampled, scored });
  return { batch, sampled, scored, pooled: pooledTokens(scheduled) };
}

function pooledTokens(scheduled: readonly ScheduledSequence[]): PooledTokens[] {
  let firstToken = 0;
  return scheduled.flatMap(({ sequence, numTokens }) => {
    const tokens = { sequence, firstToken, position: sequence.numComputedTokens, numTokens };
    firstToken += numTokens;
    return sequence.pool === null ? [] : [tokens];
  });
}

/** Nothing where no sequence has one. */
function adaptersOf(scheduled: readonly ScheduledSequence[]): Pick<Batch, 'adapters'> {
  const adapters = Uint32Array.from(scheduled, ({ sequence }) => sequence.adapter);
  return adapters.some((adapter) => adapter > 0) ? { adapters } : {};
}

function sampledRows(scheduled: readonly ScheduledSequence[]): SampledRows[] {
  let firstRow = 0;
  return scheduled.filter(yieldsToken).map(({ sequence, numDrafts }) => {
    const rows = { sequence, firstRow, drafts: sequence.draftTokenIds.slice(0, numDrafts) };
    firstRow += 1 + numDrafts;
    return rows;
  });
}

function scoredRows(scheduled: readonly ScheduledSequence[], numSampled: number): ScoredRows[] {
  let firstRow = numSampled;
  return scheduled.flatMap((item) => {
    const { sequence } = item;
    const [first, end] = scoredRange(item);
    const targets = sequence.tokenIds.slice(first + 1, end + 1);
    if (targets.length === 0) return [];
    const rows = { sequence, firstRow, targets };
    firstRow += targets.length;
    return [rows];
  });
}

/** Positions of the step, first and end, whose next token is to be told of. */
function scoredRange({ sequence, numTokens }: ScheduledSequence): [number, number] {
  const { numComputedTokens, numScoredTokens, numToScore } = sequence;
  const first = Math.max(numComputedTokens, numScoredTokens);
  return [first, Math.max(first, Math.min(numComputedTokens + numTokens, numToScore))];
}

function fill(
  batch: Batch,
  scheduled: readonly ScheduledSequence[],
  shape: BatchShape,
  { sampled, scored }: Pick<StepLayout, 'sampled' | 'scored'>,
): void {
  const sampledBySequence = new Map(sampled.map((rows) => [rows.sequence, rows]));
  const scoredBySequence = new Map(scored.map((rows) => [rows.sequence, rows]));
  let token = 0;
  for (const [row, item] of scheduled.entries()) {
    const { sequence, numTokens, numDrafts } = item;
    batch.blockTables.set(sequence.blockTable, row * shape.maxBlocksPerSequence);
    fillTokens(batch, item, row, token, shape.blockSize);
    const yielded = sampledBySequence.get(sequence);
    if (yielded !== undefined)
      fillRows(batch, yielded.firstRow, token + numTokens - 1 - numDrafts, 1 + numDrafts);
    const told = scoredBySequence.get(sequence);
    const toldFrom = token + scoredRange(item)[0] - sequence.numComputedTokens;
    if (told !== undefined) fillRows(batch, told.firstRow, toldFrom, told.targets.length);
    token += numTokens;
  }
}

function fillRows(batch: Batch, firstRow: number, firstToken: number, count: number): void {
  for (let i = 0; i < count; i++) batch.logitsRows[firstRow + i] = firstToken + i;
}

function fillTokens(
  batch: Batch,
  item: ScheduledSequence,
  row: number,
  first: number,
  blockSize: number,
): void {
  const { blockTable, numComputedTokens } = item.sequence;
  for (let i = 0; i < item.numTokens; i++) {
    const position = numComputedTokens + i;
    batch.tokenIds[first + i] = tokenAt(item.sequence, position);
    batch.positions[first + i] = position;
    batch.slotMapping[first + i] =
      blockTable[Math.floor(position / blockSize)] * blockSize + (position % blockSize);
    batch.sequenceIds[first + i] = row;
  }
}

/** A known token, the pending one that follows these, or a draft. */
function tokenAt(
  { tokenIds, numTokens, numPendingTokens, pendingRow, draftTokenIds }: Sequence,
  position: number,
) {
  if (position < tokenIds.length) return tokenIds[position];
  if (position >= numTokens) return draftTokenIds[position - numTokens];
  if (numPendingTokens > 1) throw new Error('a token is pending that the step before did not sample');
  return pendingToken(pendingRow);
}

function samplingRows({ sequence, drafts }: SampledRows, vocabulary: Vocabulary): SamplingRow[] {
  const { temperature, topK, topP, minP, seed, numLogprobs } = sequence.sampling;
  const words = seedWords(seed);
  return Array.from({ length: drafts.length + 1 }, (_, i) => ({
    temperature,
    topK,
    topP,
    minP,
    seed: words,
    position: sequence.numTokens + i,
    edits: logitsEdits(sequence, drafts.slice(0, i), vocabulary),
    numLogprobs: numLogprobs === undefined ? null : Math.min(numLogprobs, vocabulary.size),
  }));
}

function scoringRows({ sequence, targets }: ScoredRows, { size }: Vocabulary): ScoringRow[] {
  const numLogprobs = Math.min(sequence.sampling.numPromptLogprobs ?? 0, size);
  return targets.map((target) => ({ target, numLogprobs }));
}

/** Low word first; a seed beyond 64 bits, or a negative one, is taken modulo 2^64. */
function seedWords(seed: bigint): readonly [number, number] {
  const bits = BigInt.asUintN(64, seed);
  return [Number(bits & 0xffff_ffffn), Number(bits >> 32n)];
}

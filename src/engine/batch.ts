import type { Batch, SamplingRow } from '../ops/ops.js';
import type { ScheduledSequence } from './scheduler.js';
import type { Sequence } from './sequence.js';

export interface BatchShape {
  readonly blockSize: number;
  /** Columns of the block tables. */
  readonly maxBlocksPerSequence: number;
}

/** The last token is computed in this step, so the step yields the next one. A chunk before it yields none. */
export function yieldsToken({ sequence, numTokens }: ScheduledSequence): boolean {
  return numTokens === sequence.numUncomputedTokens;
}

/** Lays a step's work out flat, in the order of `scheduled`. */
export function buildBatch(scheduled: readonly ScheduledSequence[], shape: BatchShape): Batch {
  const numTokens = scheduled.reduce((sum, item) => sum + item.numTokens, 0);
  const yielding = scheduled.filter(yieldsToken);
  const batch: Batch = {
    numTokens,
    numSequences: scheduled.length,
    tokenIds: new Uint32Array(numTokens),
    positions: new Uint32Array(numTokens),
    slotMapping: new Uint32Array(numTokens),
    sequenceIds: new Uint32Array(numTokens),
    blockTables: new Uint32Array(scheduled.length * shape.maxBlocksPerSequence),
    logitsRows: new Uint32Array(yielding.length),
    sampling: yielding.map(({ sequence }) => samplingRow(sequence)),
  };
  fill(batch, scheduled, shape);
  return batch;
}

function fill(batch: Batch, scheduled: readonly ScheduledSequence[], shape: BatchShape): void {
  let token = 0;
  let logits = 0;
  for (const [row, item] of scheduled.entries()) {
    batch.blockTables.set(item.sequence.blockTable, row * shape.maxBlocksPerSequence);
    fillTokens(batch, item, row, token, shape.blockSize);
    token += item.numTokens;
    if (yieldsToken(item)) batch.logitsRows[logits++] = token - 1;
  }
}

function fillTokens(
  batch: Batch,
  item: ScheduledSequence,
  row: number,
  first: number,
  blockSize: number,
): void {
  const { tokenIds, blockTable, numComputedTokens } = item.sequence;
  for (let i = 0; i < item.numTokens; i++) {
    const position = numComputedTokens + i;
    batch.tokenIds[first + i] = tokenIds[position];
    batch.positions[first + i] = position;
    batch.slotMapping[first + i] =
      blockTable[Math.floor(position / blockSize)] * blockSize + (position % blockSize);
    batch.sequenceIds[first + i] = row;
  }
}

function samplingRow({ sampling, numTokens }: Sequence): SamplingRow {
  const { temperature, topK, topP, minP, seed } = sampling;
  return { temperature, topK, topP, minP, seed: seedWords(seed), position: numTokens };
}

/** Low word first; a seed beyond 64 bits, or a negative one, is taken modulo 2^64. */
function seedWords(seed: bigint): readonly [number, number] {
  const bits = BigInt.asUintN(64, seed);
  return [Number(bits & 0xffff_ffffn), Number(bits >> 32n)];
}

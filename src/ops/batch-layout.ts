import type { Batch, BatchCapacity, SamplingRow } from './ops.js';

/** Words of one sampling row: temperature, topK, topP, minP, two words of seed, position, unused. */
export const SAMPLING_WORDS = 8;

/** Offsets in words of each array within the one buffer that holds a batch. The block tables come last: only their used rows are sent. */
export interface BatchLayout {
  readonly tokenIds: number;
  readonly positions: number;
  readonly slotMapping: number;
  readonly sequenceIds: number;
  readonly logitsRows: number;
  readonly sampling: number;
  readonly blockTables: number;
  readonly words: number;
}

export function batchLayout(capacity: BatchCapacity): BatchLayout {
  const { maxTokens, maxLogits, maxSequences, maxBlocksPerSequence } = capacity;
  const logitsRows = 4 * maxTokens;
  const sampling = logitsRows + maxLogits;
  const blockTables = sampling + SAMPLING_WORDS * maxLogits;
  return {
    tokenIds: 0,
    positions: maxTokens,
    slotMapping: 2 * maxTokens,
    sequenceIds: 3 * maxTokens,
    logitsRows,
    sampling,
    blockTables,
    words: blockTables + maxSequences * maxBlocksPerSequence,
  };
}

/** Writes `batch` into `words`, as `layout` says. Returns how many words of it are used. Throws RangeError beyond the capacity. */
export function writeBatchWords(layout: BatchLayout, batch: Batch, words: Uint32Array): number {
  words.set(batch.tokenIds, layout.tokenIds);
  words.set(batch.positions, layout.positions);
  words.set(batch.slotMapping, layout.slotMapping);
  words.set(batch.sequenceIds, layout.sequenceIds);
  words.set(batch.logitsRows, layout.logitsRows);
  batch.sampling.forEach((row, i) => {
    writeSamplingRow(words, layout.sampling + i * SAMPLING_WORDS, row);
  });
  words.set(batch.blockTables, layout.blockTables);
  return layout.blockTables + batch.blockTables.length;
}

function writeSamplingRow(words: Uint32Array, at: number, row: SamplingRow): void {
  words[at] = floatBits(row.temperature);
  words[at + 1] = row.topK;
  words[at + 2] = floatBits(row.topP);
  words[at + 3] = floatBits(row.minP);
  words[at + 4] = row.seed[0];
  words[at + 5] = row.seed[1];
  words[at + 6] = row.position;
}

/** The bits of an f32, as WGSL's `bitcast<u32>`. */
export function floatBits(value: number): number {
  return new Uint32Array(new Float32Array([value]).buffer)[0] ?? 0;
}

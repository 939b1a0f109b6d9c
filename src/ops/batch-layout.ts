import type { Batch, BatchCapacity, SamplingRow, ScoringRow } from './ops.js';
import type { DrawOptions } from './sampling.js';

/** Offsets in words within a row of the table of sampling and scoring rows, one for each row of logits. */
export const ROW = {
  temperature: 0,
  topK: 1,
  topP: 2,
  minP: 3,
  /** Two words. */
  seed: 4,
  position: 6,
  /** Row of the logits to sample from: its own, or that of the edited ones. */
  logits: 7,
  /** Likeliest tokens to tell of; NONE tells nothing. */
  numLogprobs: 8,
  /** Token to tell of; NONE is the sampled one. */
  target: 9,
  words: 16,
} as const;

export const NONE = 0xffff_ffff;

/** Offsets in words of each array within the one buffer that holds a batch. The block tables come last: only their used rows are sent. */
export interface BatchLayout {
  readonly tokenIds: number;
  readonly positions: number;
  readonly slotMapping: number;
  readonly sequenceIds: number;
  readonly logitsRows: number;
  /** `[maxLogits][ROW.words]` */
  readonly rows: number;
  /** How many attention tiles are runs, how many single tokens, and the longest context that one of these ends. */
  readonly tileCounts: number;
  /** `[tiles][2]`: the first token of each, and how many; first the runs. */
  readonly tiles: number;
  /** `[maxSequences]` */
  readonly adapters: number;
  readonly blockTables: number;
  readonly words: number;
  /** Edited logits lie so many rows behind their own. */
  readonly maxLogits: number;
}

export function batchLayout(capacity: BatchCapacity): BatchLayout {
  const { maxTokens, maxLogits, maxSequences, maxBlocksPerSequence } = capacity;
  const logitsRows = 4 * maxTokens;
  const rows = logitsRows + maxLogits;
  const tileCounts = rows + ROW.words * maxLogits;
  const tiles = tileCounts + 3;
  const adapters = tiles + 2 * maxTokens;
  const blockTables = adapters + maxSequences;
  return {
    tokenIds: 0,
    positions: maxTokens,
    slotMapping: 2 * maxTokens,
    sequenceIds: 3 * maxTokens,
    logitsRows,
    rows,
    tileCounts,
    tiles,
    adapters,
    blockTables,
    words: blockTables + maxSequences * maxBlocksPerSequence,
    maxLogits,
  };
}

/** Writes `batch` into `words`, as `layout` says. Returns how many words of it are used. Throws RangeError beyond the capacity. */
export function writeBatchWords(layout: BatchLayout, batch: Batch, words: Uint32Array): number {
  words.set(batch.tokenIds, layout.tokenIds);
  words.set(batch.positions, layout.positions);
  words.set(batch.slotMapping, layout.slotMapping);
  words.set(batch.sequenceIds, layout.sequenceIds);
  words.set(batch.logitsRows, layout.logitsRows);
  const rowAt = (i: number) => words.subarray(layout.rows + i * ROW.words, layout.rows + (i + 1) * ROW.words);
  const editedRows = layout.maxLogits;
  batch.sampling.forEach((row, i) => {
    writeSamplingRow(rowAt(i), row, row.edits === null ? i : editedRows + i);
  });
  batch.scoring.forEach((row, i) => {
    writeScoringRow(rowAt(batch.sampling.length + i), row);
  });
  words.fill(0, layout.adapters, layout.blockTables);
  words.set(batch.adapters ?? [], layout.adapters);
  words.set(batch.blockTables, layout.blockTables);
  return layout.blockTables + batch.blockTables.length;
}

/** Attention of `count` neighbouring tokens of a batch, of one sequence and at consecutive positions, together. */
export interface AttentionTile {
  readonly first: number;
  readonly count: number;
}

export interface AttentionTiles {
  /** Of at least two tokens. */
  readonly runs: readonly AttentionTile[];
  readonly singles: readonly AttentionTile[];
}

/** Cuts the tokens of a batch into tiles of `tileTokens` at most. */
export function attentionTiles(
  { numTokens, sequenceIds, positions }: Pick<Batch, 'numTokens' | 'sequenceIds' | 'positions'>,
  tileTokens: number,
): AttentionTiles {
  const tiles: AttentionTile[] = [];
  for (let first = 0; first < numTokens; ) {
    const limit = Math.min(first + tileTokens, numTokens);
    let end = first + 1;
    while (
      end < limit &&
      sequenceIds[end] === sequenceIds[first] &&
      positions[end] === positions[end - 1] + 1
    ) {
      end++;
    }
    tiles.push({ first, count: end - first });
    first = end;
  }
  return {
    runs: tiles.filter(({ count }) => count > 1),
    singles: tiles.filter(({ count }) => count === 1),
  };
}

/** Writes the tiles into `words`, which hold the batch already, as `layout` says. */
export function writeAttentionTiles(
  layout: BatchLayout,
  { runs, singles }: AttentionTiles,
  words: Uint32Array,
): void {
  const contexts = singles.map(({ first }) => words[layout.positions + first] + 1);
  words.set([runs.length, singles.length, Math.max(0, ...contexts)], layout.tileCounts);
  [...runs, ...singles].forEach(({ first, count }, i) => {
    words.set([first, count], layout.tiles + 2 * i);
  });
}

function writeSamplingRow(words: Uint32Array, row: SamplingRow, logitsRow: number): void {
  words[ROW.temperature] = floatBits(row.temperature);
  words[ROW.topK] = row.topK;
  words[ROW.topP] = floatBits(row.topP);
  words[ROW.minP] = floatBits(row.minP);
  words.set(row.seed, ROW.seed);
  words[ROW.position] = row.position;
  words[ROW.logits] = logitsRow;
  words[ROW.numLogprobs] = row.numLogprobs ?? NONE;
  words[ROW.target] = NONE;
}

function writeScoringRow(words: Uint32Array, row: ScoringRow): void {
  words[ROW.numLogprobs] = row.numLogprobs;
  words[ROW.target] = row.target;
}

/** The row at offset `at` as `writeSamplingRow` wrote it. */
export function readSamplingRow(words: Uint32Array<ArrayBuffer>, at: number): DrawOptions {
  const floats = new Float32Array(words.buffer, words.byteOffset, words.length);
  return {
    temperature: floats[at + ROW.temperature],
    topK: words[at + ROW.topK],
    topP: floats[at + ROW.topP],
    minP: floats[at + ROW.minP],
    seed: [words[at + ROW.seed], words[at + ROW.seed + 1]],
    position: words[at + ROW.position],
  };
}

/** The bits of an f32, as WGSL's `bitcast<u32>`. */
export function floatBits(value: number): number {
  return new Uint32Array(new Float32Array([value]).buffer)[0] ?? 0;
}

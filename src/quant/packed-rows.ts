import { runsOf, sliceRows, stackRows } from './rows.js';
import type { PackedWeight, WeightFormat } from './weight.js';

/** A weight whose rows are made when they are asked for, so that no more of it need be in memory. */
export interface PackedRows {
  readonly format: WeightFormat;
  readonly rows: number;
  readonly cols: number;
  /** Those of every `PackedWeight` that is read. */
  readonly columns?: Uint32Array;
  /** Rows `start … start + count − 1`. Ranges are asked for in order. */
  read(start: number, count: number): Promise<PackedWeight>;
}

/** After a multiple of so many rows the codes, scales and zero points of every format end with a word. */
export const ROW_STEP = 32;

/** Those of a weight that is there. */
export function rowsOf(weight: PackedWeight): PackedRows {
  const { format, rows, cols } = weight;
  const read = async (start: number, count: number) =>
    count === rows ? weight : sliceRows(weight, start, count);
  return { format, rows, cols, read };
}

/** A weight that is made whole when its first rows are asked for, and let go with its last. */
export function wholeRows(shape: Omit<PackedRows, 'read'>, make: () => Promise<PackedWeight>): PackedRows {
  let held: PackedWeight | null = null;
  const read = async (start: number, count: number): Promise<PackedWeight> => {
    const whole = held ?? (await make());
    held = start + count < shape.rows ? whole : null;
    return count === shape.rows ? whole : sliceRows(whole, start, count);
  };
  return { ...shape, read };
}

/** Merges neighbours of equal format and equal cols into one weight, in order. */
export function stackSources(parts: readonly PackedRows[]): PackedRows[] {
  return runsOf(parts).map((run) => (run.length === 1 ? run[0] : mergeSources(run)));
}

function mergeSources(parts: readonly PackedRows[]): PackedRows {
  const { read: _, ...shape } = parts[0];
  const read = async (start: number, count: number): Promise<PackedWeight> => {
    const pieces: PackedWeight[] = [];
    let partStart = 0;
    for (const part of parts) {
      const from = Math.max(start, partStart);
      const to = Math.min(start + count, partStart + part.rows);
      if (from < to) pieces.push(await part.read(from - partStart, to - from));
      partStart += part.rows;
    }
    return stackRows(pieces)[0];
  };
  return { ...shape, rows: parts.reduce((sum, part) => sum + part.rows, 0), read };
}

/** Rows that follow one another, and where the first of them stands. */
export interface Chunk {
  readonly start: number;
  readonly weight: PackedWeight;
}

/**
 * Rows `start … start + count − 1` in pieces of `ROW_STEP` rows or a multiple, each of about `maxBytes` as f32, which is what they may take while they
 * are made. While one is used, the next is read.
 */
export async function* chunksOf(
  source: PackedRows,
  start: number,
  count: number,
  maxBytes: number,
): AsyncGenerator<Chunk, void, undefined> {
  const size = Math.max(1, Math.floor(maxBytes / (4 * source.cols * ROW_STEP))) * ROW_STEP;
  const end = start + count;
  const readFrom = (at: number) => (at < end ? source.read(at, Math.min(size, end - at)) : null);
  let next = readFrom(start);
  for (let at = start; next !== null; at += size) {
    const weight: PackedWeight = await next;
    next = readFrom(at + size);
    // Whoever stops early never sees this one fail.
    next?.catch(() => undefined);
    yield { start: at, weight };
  }
}

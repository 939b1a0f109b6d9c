import { type BitRange, copyBits, type ElementBits, wordsFor } from './bits.js';
import { sameFormat } from './formats.js';
import { blocksPerRow, groupsPerRow, type PackedWeight, sameColumns, scaleBits, zeroBits } from './weight.js';

/** Merges neighbours of equal format and equal columns into one weight, in order. A part that stands alone is returned as it is. */
export function stackRows(parts: readonly PackedWeight[]): PackedWeight[] {
  return runsOf(parts).map((run) => (run.length === 1 ? run[0] : mergeRows(run)));
}

type RowShape = Pick<PackedWeight, 'format' | 'cols' | 'columns'>;

/** Neighbours of equal format and equal columns together, in order. */
export function runsOf<T extends RowShape>(parts: readonly T[]): T[][] {
  const runs: T[][] = [];
  for (const part of parts) {
    const run = runs.at(-1);
    if (run !== undefined && canStack(run[0], part)) run.push(part);
    else runs.push([part]);
  }
  return runs;
}

function canStack(a: RowShape, b: RowShape): boolean {
  return a.cols === b.cols && sameFormat(a.format, b.format) && sameColumns(a, b);
}

/** Rows `start … start + count − 1`. Codes share the weight's memory; scales and zero points are repacked. */
export function sliceRows(weight: PackedWeight, start: number, count: number): PackedWeight {
  if (start < 0 || count < 0 || start + count > weight.rows) {
    throw new RangeError(`rows ${start} … ${start + count - 1} of a weight of ${weight.rows} rows`);
  }
  const { format, cols } = weight;
  const rowWords = blocksPerRow(cols) * format.bits;
  const groups = groupsPerRow(format, cols);
  const slice = (words: Uint32Array | null, bits: number) =>
    words === null ? null : joinRanges([{ words, start: start * groups, count: count * groups }], bits);
  return {
    format,
    rows: count,
    cols,
    codes: weight.codes.subarray(start * rowWords, (start + count) * rowWords),
    scales: slice(weight.scales, scaleBits(format)),
    zeros: slice(weight.zeros, zeroBits(format.bits)),
    ...orderOf(weight),
  };
}

/** Rows in another order: row i of the result is row `order[i]`. */
export function takeRows(weight: PackedWeight, order: readonly number[]): PackedWeight {
  const { format, cols } = weight;
  const rowWords = blocksPerRow(cols) * format.bits;
  const groups = groupsPerRow(format, cols);
  const codes = new Uint32Array(order.length * rowWords);
  order.forEach((row, i) => {
    codes.set(weight.codes.subarray(row * rowWords, (row + 1) * rowWords), i * rowWords);
  });
  const take = (words: Uint32Array | null, bits: number) =>
    words === null
      ? null
      : joinRanges(
          order.map((row) => ({ words, start: row * groups, count: groups })),
          bits,
        );
  return {
    format,
    rows: order.length,
    cols,
    codes,
    scales: take(weight.scales, scaleBits(format)),
    zeros: take(weight.zeros, zeroBits(format.bits)),
    ...orderOf(weight),
  };
}

function mergeRows(parts: readonly PackedWeight[]): PackedWeight {
  const { format, cols } = parts[0];
  const groups = groupsPerRow(format, cols);
  const join = (wordsOf: (part: PackedWeight) => Uint32Array | null, bits: number) => {
    const ranges = parts.flatMap((part) => {
      const words = wordsOf(part);
      return words === null ? [] : [{ words, start: 0, count: part.rows * groups }];
    });
    return ranges.length === 0 ? null : joinRanges(ranges, bits);
  };
  return {
    format,
    rows: parts.reduce((sum, part) => sum + part.rows, 0),
    cols,
    codes: concatWords(parts.map((part) => part.codes)),
    scales: join((part) => part.scales, scaleBits(format)),
    zeros: join((part) => part.zeros, zeroBits(format.bits)),
    ...orderOf(parts[0]),
  };
}

function orderOf({ columns }: PackedWeight): Pick<PackedWeight, 'columns'> {
  return columns === undefined ? {} : { columns };
}

function concatWords(arrays: readonly Uint32Array[]): Uint32Array {
  const out = new Uint32Array(arrays.reduce((sum, array) => sum + array.length, 0));
  let offset = 0;
  for (const array of arrays) {
    out.set(array, offset);
    offset += array.length;
  }
  return out;
}

/** Packs ranges one after another: an odd count leaves the next range in the middle of a word. Elements of several words are copied as words. */
function joinRanges(ranges: readonly BitRange[], elementBits: number): Uint32Array {
  const words = Math.max(1, elementBits / 32);
  const bits = Math.min(elementBits, 32) as ElementBits;
  const total = ranges.reduce((sum, range) => sum + range.count * words, 0);
  const out = new Uint32Array(wordsFor(total, bits));
  let at = 0;
  for (const { words: from, start, count } of ranges) {
    copyBits({ words: from, start: start * words, count: count * words }, out, at, bits);
    at += count * words;
  }
  return out;
}

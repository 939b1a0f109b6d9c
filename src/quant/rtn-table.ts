import { UserError } from '../errors.js';
import { formatName } from './formats.js';
import { packBlock } from './planes.js';
import { TABLES } from './tables.js';
import { BLOCK_CODES, blocksPerRow, groupsPerRow, type PackedWeight, type WeightFormat } from './weight.js';

/**
 * Rounds a matrix to the nearest entries of its format's table, whose greatest is 1, one group of a row at a time: the scale is max|w| in f32
 * (Dettmers et al., arXiv 2305.14314, section 3).
 * @param values `[rows][cols]` row-major, rows of whole groups; @param name names the matrix in errors
 * Throws UserError where a number is NaN or infinite.
 */
export function quantizeTable(
  values: Float32Array,
  rows: number,
  cols: number,
  format: WeightFormat,
  name = 'weight',
): PackedWeight {
  const { groupSize, table, scaleType } = format;
  if (table === undefined || groupSize === null || scaleType !== 'f32' || cols % groupSize !== 0)
    throw new RangeError(`${formatName(format)} of ${cols} columns is not rounded here`);
  const scales = new Float32Array(rows * groupsPerRow(format, cols));
  const codes = new Uint32Array(rows * blocksPerRow(cols) * format.bits);
  const nearest = nearestEntry(TABLES[table]);
  const rounded = new Uint8Array(groupSize);
  for (let group = 0, at = 0; group < scales.length; group++) {
    const first = group * groupSize;
    scales[group] = greatest(values, first, groupSize, name, cols);
    for (let k = 0; k < groupSize; k++) {
      rounded[k] = nearest(scales[group] === 0 ? 0 : values[first + k] / scales[group]);
    }
    for (let k = 0; k < groupSize; k += BLOCK_CODES, at += format.bits)
      packBlock(rounded, k, format.bits, codes, at);
  }
  return { format, rows, cols, codes, scales: new Uint32Array(scales.buffer), zeros: null };
}

function greatest(values: Float32Array, first: number, count: number, name: string, cols: number): number {
  let max = 0;
  for (let i = first; i < first + count; i++) {
    const size = Math.abs(values[i]);
    if (!Number.isFinite(size)) {
      const place = `row ${Math.floor(i / cols)}, column ${i % cols}`;
      throw new UserError(`${name}: ${place} is ${values[i]}: no code of a table can stand for it`);
    }
    if (size > max) max = size;
  }
  return max;
}

/** The code of the entry that is nearest to a number; of the lower one of two that are as near. */
function nearestEntry(table: Float32Array): (value: number) => number {
  const order = Array.from(table.keys()).sort((a, b) => table[a] - table[b]);
  const bounds = order.slice(1).map((code, i) => (table[order[i]] + table[code]) / 2);
  return (value) => {
    let low = 0;
    let high = bounds.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (value > bounds[middle]) low = middle + 1;
      else high = middle;
    }
    return order[low];
  };
}

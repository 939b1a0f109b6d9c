import { sliceRows, stackRows } from '../quant/rows.js';
import type { PackedWeight } from '../quant/weight.js';

type Elements = Uint16Array | Uint32Array | Float32Array;

/** `[cols][rows]` as `[rows][cols]`. */
export function transposed<T extends Elements>(values: T, rows: number): T {
  const cols = values.length / rows;
  const out = values.slice() as T;
  for (let n = 0; n < rows; n++) {
    for (let k = 0; k < cols; k++) out[n * cols + k] = values[k * rows + n];
  }
  return out;
}

/** Values `[head][3][size]` as `[3][head][size]`: q, k and v of each head as all of q, of k, and of v. */
export function headwiseValues(values: Float32Array, size: number): Float32Array {
  const out = values.slice();
  headwiseOrder(values.length, size).forEach((from, i) => {
    out.set(values.subarray(from, from + size), i * size);
  });
  return out;
}

/** The same of a weight's rows, in any format. */
export function headwiseRows(weight: PackedWeight, headDim: number): PackedWeight {
  return stackRows(headwiseOrder(weight.rows, headDim).map((from) => sliceRows(weight, from, headDim)))[0];
}

/** Row i of all q, then of all k, then of all v, is row `headwiseRowOrder(…)[i]` of a matrix that has those of each head together. */
export function headwiseRowOrder(rows: number, headDim: number): readonly number[] {
  return headwiseOrder(rows, headDim).flatMap((from) => Array.from({ length: headDim }, (_, i) => from + i));
}

/** Where the parts of `size` of all q, then of all k, then of all v start, in `length` that has those of each head together. */
function headwiseOrder(length: number, size: number): number[] {
  const heads = length / (3 * size);
  return [0, 1, 2].flatMap((part) => Array.from({ length: heads }, (_, head) => (3 * head + part) * size));
}

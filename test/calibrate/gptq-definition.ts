import type { ColumnOrder } from '#halflight/calibrate/column-order.js';
import type { MatrixInput } from '#halflight/calibrate/method.js';
import { f16Bits, f16Value } from '#halflight/quant/half.js';

interface Group {
  scale: number;
  zero: number;
}

/**
 * GPTQ as its paper defines a step (equation 2): round one column, then add −(w − q) / [F⁻¹]₀₀ · [F⁻¹]₀ to those that are left, F the Hessian of
 * what is left, by the paper's equation 3. Integers only, scales by the extremes. `[rows][cols]` of what the codes stand for.
 */
export function quantizeByDefinition(input: MatrixInput, order: ColumnOrder): Float32Array {
  const { rows, cols, values, stats, format } = input;
  const hessian = stats?.hessian ?? new Float64Array();
  const columns = orderOf(order, cols, format.groupSize ?? cols, (k) => hessian[k * cols + k]);
  const mean = columns.reduce((sum, k) => sum + hessian[k * cols + k], 0) / cols;
  const h = columns.map((i) => columns.map((j) => hessian[i * cols + j] + (i === j ? 0.01 * mean : 0)));
  const inverses = firstRows(inverse(h));
  const out = new Float32Array(rows * cols);
  for (let row = 0; row < rows; row++) {
    const w = columns.map((k) => values[row * cols + k]);
    let group: Group = { scale: 0, zero: 0 };
    let left = 0;
    for (let p = 0; p < cols; p++, left--) {
      if (left === 0) {
        left = Math.min(format.groupSize ?? cols, groupEnd(columns[p], input, order, p) - p);
        group = groupOf(input, w.slice(p, p + left));
      }
      const q = roundTo(group, w[p], format.bits);
      out[row * cols + columns[p]] = q;
      const first = inverses[p];
      const error = (w[p] - q) / first[0];
      for (let j = 0; j < first.length; j++) w[p + j] -= error * first[j];
    }
  }
  return out;
}

/** Where the group that begins at a place ends: the last group of a row may be short. */
function groupEnd(column: number, { format, cols }: MatrixInput, order: ColumnOrder, place: number): number {
  const size = format.groupSize ?? cols;
  if (order !== 'groups') return Math.min(place + size, cols);
  const first = Math.floor(column / size) * size;
  return place + Math.min(size, cols - first);
}

function orderOf(order: ColumnOrder, cols: number, size: number, h: (k: number) => number): number[] {
  const all = Array.from({ length: cols }, (_, k) => k);
  const descending = (columns: number[]) => columns.sort((a, b) => h(b) - h(a));
  if (order === 'given') return all;
  if (order === 'activation') return descending(all);
  const groups = Array.from({ length: Math.ceil(cols / size) }, (_, g) =>
    descending(all.slice(g * size, (g + 1) * size)),
  );
  return groups.sort((a, b) => h(b[0]) - h(a[0])).flat();
}

function groupOf({ format }: MatrixInput, values: readonly number[]): Group {
  const [min, max] = [Math.min(0, ...values), Math.max(0, ...values)];
  const stored = (scale: number) =>
    format.scaleType === 'f16' ? f16Value(f16Bits(scale)) : Math.fround(scale);
  if (!format.zeroPoints) {
    const zero = 2 ** (format.bits - 1);
    return { scale: stored((max > -min ? max : min) / -zero), zero };
  }
  const scale = stored((max - min) / (2 ** format.bits - 1));
  return { scale, zero: Math.round(-min / scale) };
}

function roundTo({ scale, zero }: Group, value: number, bits: number): number {
  const code = Math.min(Math.max(Math.floor(value / scale + zero + 0.5), 0), 2 ** bits - 1);
  return (code - zero) * scale;
}

/** Of the inverse, of the inverse without the first row and column of what it inverts, and so on, the first rows (equation 3). */
function firstRows(whole: readonly (readonly number[])[]): number[][] {
  const rows: number[][] = [];
  for (let left = whole.map((row) => [...row]); left.length > 0; ) {
    const [first, ...rest] = left;
    rows.push(first);
    left = rest.map((row) => row.slice(1).map((value, j) => value - (row[0] * first[j + 1]) / first[0]));
  }
  return rows;
}

/** By Gauss and Jordan, without pivoting: the matrix is positive definite. */
function inverse(matrix: readonly (readonly number[])[]): number[][] {
  const n = matrix.length;
  const m = matrix.map((row, i) => [...row, ...row.map((_, j) => (i === j ? 1 : 0))]);
  for (let i = 0; i < n; i++) {
    const pivot = m[i][i];
    for (let j = i; j < 2 * n; j++) m[i][j] /= pivot;
    for (let r = 0; r < n; r++) {
      const factor = r === i ? 0 : m[r][i];
      if (factor !== 0) for (let j = i; j < 2 * n; j++) m[r][j] -= factor * m[i][j];
    }
  }
  return m.map((row) => row.slice(n));
}

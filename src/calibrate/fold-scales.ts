import type { WeightFormat } from '../quant/weight.js';
import type { InputStats, MatrixInput, MatrixMethod } from './method.js';

/** The matrices of a product, and what is known of their inputs. */
export interface FoldInput {
  readonly matrices: readonly { readonly values: Float32Array; readonly rows: number }[];
  readonly cols: number;
  readonly stats: InputStats;
}

/** `[cols]` by what to divide each input; null to leave them as they are. */
export type FoldScales = (input: FoldInput) => Float64Array | null;

/** Rows of a matrix whose errors stand for all when scales are compared. */
const SAMPLE_ROWS = 64;
/** r = 0, 0.05 … 0.95. */
const EXPONENTS: readonly number[] = Array.from({ length: 20 }, (_, i) => i / 20);

/**
 * AWQ (Lin et al., arXiv 2306.00978): of s = x̄^r and s = x̄^r / w̄^(1−r), x̄ the mean of |x| and w̄ the mean of |w| over its group's greatest, those
 * of the least error of the product's outputs by the Hessian when all is rounded as it will be; null where none is better than s = 1.
 */
export function awqScales(format: WeightFormat, rounding: MatrixMethod): FoldScales {
  return (input) => {
    const sampled = { ...input, matrices: input.matrices.map((matrix) => sampleRows(matrix, input.cols)) };
    const weights = meanShares(input, format.groupSize ?? input.cols);
    const errorOf = (scales: Float64Array) => errorWith(sampled, format, rounding, scales);
    let best: { scales: Float64Array | null; error: number } = {
      scales: null,
      error: errorOf(new Float64Array(input.cols).fill(1)),
    };
    for (const r of EXPONENTS) {
      for (const byWeights of [false, true]) {
        const scales = candidate(input.stats.meanMagnitudes, byWeights ? weights : null, r);
        const error = errorOf(scales);
        if (error < best.error) best = { scales, error };
      }
    }
    return best.scales;
  };
}

/**
 * SmoothQuant (Xiao et al., arXiv 2211.10438): s = max|x|^α / max|w|^(1−α), so that activations and weights are equally hard to round. Inputs that
 * are always 0, and those whose weights are, stay as they are.
 */
export function smoothQuantScales(alpha: number): FoldScales {
  return ({ matrices, cols, stats }) => {
    const maxima = new Float64Array(cols);
    for (const { values } of matrices) {
      for (let i = 0; i < values.length; i++) {
        maxima[i % cols] = Math.max(maxima[i % cols], Math.abs(values[i]));
      }
    }
    return maxima.map((w, k) => {
      const x = stats.maxMagnitudes[k];
      return x > 0 && w > 0 ? x ** alpha / w ** (1 - alpha) : 1;
    });
  };
}

/** Normalised so that the greatest and the least are as far from 1. */
function candidate(magnitudes: Float64Array, weights: Float64Array | null, r: number): Float64Array {
  const scales = magnitudes.map((x, k) => {
    const scale = Math.max(x, 1e-4) ** r;
    return weights === null ? scale : scale / (weights[k] ** (1 - r) + 1e-4);
  });
  const middle = Math.sqrt(scales.reduce((a, b) => Math.max(a, b)) * scales.reduce((a, b) => Math.min(a, b)));
  return scales.map((scale) => scale / middle);
}

/** `[cols]` mean over all rows of |w| over the greatest of its group. */
function meanShares({ matrices, cols }: FoldInput, groupSize: number): Float64Array {
  const sums = new Float64Array(cols);
  let rows = 0;
  for (const matrix of matrices) {
    rows += matrix.rows;
    for (let at = 0; at < matrix.values.length; at += cols) {
      addShares(sums, matrix.values.subarray(at, at + cols), groupSize);
    }
  }
  return sums.map((sum) => sum / rows);
}

function addShares(sums: Float64Array, row: Float32Array, groupSize: number): void {
  for (let start = 0; start < row.length; start += groupSize) {
    const group = row.subarray(start, start + groupSize);
    const greatest = group.reduce((max, w) => Math.max(max, Math.abs(w)), 0);
    if (greatest > 0)
      group.forEach((w, k) => {
        sums[start + k] += Math.abs(w) / greatest;
      });
  }
}

function sampleRows({ values, rows }: FoldInput['matrices'][number], cols: number) {
  if (rows <= SAMPLE_ROWS) return { values, rows };
  const sampled = new Float32Array(SAMPLE_ROWS * cols);
  for (let i = 0; i < SAMPLE_ROWS; i++) {
    const row = Math.floor((i * rows) / SAMPLE_ROWS);
    sampled.set(values.subarray(row * cols, (row + 1) * cols), i * cols);
  }
  return { values: sampled, rows: SAMPLE_ROWS };
}

/** Mean squared error of an output where W·s is rounded and x / s comes in. */
function errorWith(
  { matrices, cols, stats }: FoldInput,
  format: WeightFormat,
  rounding: MatrixMethod,
  scales: Float64Array,
): number {
  const scaled = scaledStats(stats, scales);
  let [sum, total] = [0, 0];
  for (const { values, rows } of matrices) {
    const folded = values.map((value, i) => value * scales[i % cols]);
    const input: MatrixInput = { name: 'fold', values: folded, rows, cols, format, stats: scaled };
    sum += rows * rounding.quantize(input).error;
    total += rows;
  }
  return sum / total;
}

/** What is known of x / s. */
export function scaledStats(stats: InputStats, scales: Float64Array): InputStats {
  const { hessian } = stats;
  const cols = scales.length;
  return {
    numTokens: stats.numTokens,
    meanSquares: stats.meanSquares.map((value, k) => value / scales[k] ** 2),
    meanMagnitudes: stats.meanMagnitudes.map((value, k) => value / scales[k]),
    maxMagnitudes: stats.maxMagnitudes.map((value, k) => value / scales[k]),
    hessian: hessian?.map((value, i) => value / (scales[Math.floor(i / cols)] * scales[i % cols])) ?? null,
  };
}

import type { Tensor } from './ops.js';

type Buffer = Float64Array;

/** out = x / sqrt(mean(x²) + eps) · weight. */
export function normalize(x: Buffer, weight: Buffer, eps: number, out: Buffer): void {
  const factor = 1 / Math.sqrt(dot(x, x) / x.length + eps);
  for (let i = 0; i < x.length; i++) out[i] = x[i] * factor * weight[i];
}

/** out = (x − mean(x)) / sqrt(variance(x) + eps) · weight + bias. */
export function normalizeCentered(x: Buffer, weight: Buffer, bias: Buffer, eps: number, out: Buffer): void {
  const mean = x.reduce((sum, value) => sum + value, 0) / x.length;
  const centered = x.map((value) => value - mean);
  const factor = 1 / Math.sqrt(dot(centered, centered) / x.length + eps);
  for (let i = 0; i < x.length; i++) out[i] = centered[i] * factor * weight[i] + bias[i];
}

/** Q, `width` values from the row's beginning, and K behind it, each as one vector, in place. */
export function normalizeWhole(
  qkv: Tensor<Buffer>,
  row: number,
  { weights, eps }: { weights: Tensor<Buffer>; eps: number },
  width: number,
): void {
  const values = qkv.data.subarray(row * qkv.stride, row * qkv.stride + weights.rows * weights.cols);
  const [q, k] = [values.subarray(0, width), values.subarray(width)];
  normalize(q, weights.data, eps, q);
  normalize(k, weights.data.subarray(width), eps, k);
}

export function dot(a: Buffer, b: Buffer): number {
  return a.reduce((sum, value, i) => sum + value * b[i], 0);
}

/** exp of the scores over its sum. */
export function softmax(scores: readonly number[]): number[] {
  const greatest = Math.max(...scores);
  const weights = scores.map((score) => Math.exp(score - greatest));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

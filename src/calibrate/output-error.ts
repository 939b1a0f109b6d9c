import type { InputStats } from './method.js';
import { dot } from './row-operations.js';

/**
 * The mean squared error of an output whose row of weights is off by `delta`: δ·H·δᵀ / 2; of what is known of the inputs without a Hessian,
 * Σ δ²·mean(x²); of nothing, Σ δ².
 */
export function outputError(delta: Float64Array, stats: InputStats | null): number {
  if (stats === null) return delta.reduce((sum, d) => sum + d * d, 0);
  const { hessian, meanSquares } = stats;
  if (hessian === null) return delta.reduce((sum, d, k) => sum + d * d * meanSquares[k], 0);
  return quadraticForm(delta, hessian) / 2;
}

/** δ·M·δᵀ of a symmetric `[n][n]`, of which the upper triangle is read. */
function quadraticForm(delta: Float64Array, matrix: Float64Array): number {
  const n = delta.length;
  let sum = 0;
  for (let i = 0; i < n; i++) {
    if (delta[i] === 0) continue;
    const rest = dot(matrix, i * n + i + 1, delta, i + 1, n - i - 1);
    sum += 2 * delta[i] * ((matrix[i * n + i] * delta[i]) / 2 + rest);
  }
  return sum;
}

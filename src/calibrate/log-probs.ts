/** Sums are in f64; the logits are f32 as the device gives them. */

/** log Σ exp(x), without overflow. */
export function logSumExp(row: Float32Array, greatest = row[argmax(row)]): number {
  let sum = 0;
  for (const value of row) sum += Math.exp(value - greatest);
  return greatest + Math.log(sum);
}

/** Index of the greatest value, the first of equals. */
export function argmax(row: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < row.length; i++) if (row[i] > row[best]) best = i;
  return best;
}

/** Negative log-likelihood of a token in nats. @param row logits that predict it, `[vocab]` */
export function tokenLoss(row: Float32Array, id: number): number {
  return logSumExp(row) - row[id];
}

/** What a row of logits comes to. */
export interface RowSums {
  /** Index of the greatest logit, the first of equals. */
  readonly top: number;
  /** log Σ exp. */
  readonly norm: number;
}

export function rowSums(row: Float32Array): RowSums {
  const top = argmax(row);
  return { top, norm: logSumExp(row, row[top]) };
}

/**
 * Kullback–Leibler divergence D(p ‖ q) = Σ p (ln p − ln q) of the distributions that two rows of logits stand for, in nats. What is the same
 * for all entries, the norms, is taken out of the sum.
 */
export function klDivergence(p: Float32Array, q: Float32Array, pNorm: number, qNorm: number): number {
  let sum = 0;
  for (let i = 0; i < p.length; i++) sum += Math.exp(p[i] - pNorm) * (p[i] - q[i]);
  // Equal distributions may give a rounding error below 0, which no divergence is.
  return Math.max(0, sum - pNorm + qNorm);
}

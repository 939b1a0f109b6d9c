import { inverseFactor } from './cholesky.js';

/** A Hessian that was made positive definite. */
export interface Damped {
  /** The upper triangular U of H⁻¹ = Uᵀ·U, `[n][n]`. */
  readonly factor: Float64Array;
  /** `[n]` what was added to the diagonal. */
  readonly added: Float64Array;
  /** Inputs that are always 0. */
  readonly dead: readonly number[];
  /** What more than the usual was needed, in words. */
  readonly notes: readonly string[];
}

/** Of the mean of the diagonal, added to it; the first is GPTQ's own. */
const DAMPING: readonly number[] = [0.01, 0.03, 0.1, 0.3, 1];

/**
 * Factors a Hessian with as little damping as it takes, and at last with a diagonal raised to the sum of its row, which makes any symmetric
 * matrix positive definite. null where every input is always 0, or where the Hessian holds what is no number.
 * @param hessian `[n][n]`, left as it is
 * @param order `[n]` the input at each place; all that is returned is by places
 */
export function dampedFactor(hessian: Float64Array, order: Uint32Array): Damped | null {
  const n = order.length;
  const diagonal = Float64Array.from(order, (k) => hessian[k * n + k]);
  const dead = [...diagonal.keys()].filter((place) => diagonal[place] === 0);
  const mean = diagonal.reduce((sum, value) => sum + value, 0) / (n - dead.length);
  if (!(mean > 0 && mean < Number.POSITIVE_INFINITY)) return null;
  const factor = new Float64Array(n * n);
  for (const part of DAMPING) {
    const added = diagonal.map((value) => (value === 0 ? mean : part * mean));
    fill(factor, hessian, order, added);
    if (!inverseFactor(factor, n)) continue;
    const notes = part === DAMPING[0] ? [] : [`the Hessian took damping of ${part} times its mean diagonal`];
    return { factor, added, dead, notes };
  }
  const added = dominance(hessian, order).map((value) => value + mean * DAMPING[0]);
  fill(factor, hessian, order, added);
  return inverseFactor(factor, n) ? { factor, added, dead, notes: [FLOOR_NOTE] } : null;
}

const FLOOR_NOTE = 'the Hessian was not positive definite: its diagonal was raised to the sum of each row';

/** The Hessian in another order, with what is added to its diagonal. */
function fill(out: Float64Array, hessian: Float64Array, order: Uint32Array, added: Float64Array): void {
  const n = order.length;
  for (let i = 0; i < n; i++) {
    const row = order[i] * n;
    for (let j = 0; j < n; j++) out[i * n + j] = hessian[row + order[j]];
    out[i * n + i] += added[i];
  }
}

/** By how much each diagonal falls short of the sum of what else is in its row. */
function dominance(hessian: Float64Array, order: Uint32Array): Float64Array {
  const n = order.length;
  return Float64Array.from(order, (k) => {
    const row = hessian.subarray(k * n, (k + 1) * n);
    const others = row.reduce((sum, value) => sum + Math.abs(value), 0) - Math.abs(row[k]);
    return Math.max(0, others - row[k]);
  });
}

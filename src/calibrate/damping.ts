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
 */
export function dampedFactor(hessian: Float64Array, n: number): Damped | null {
  const diagonal = Float64Array.from({ length: n }, (_, i) => hessian[i * n + i]);
  const dead = [...diagonal.keys()].filter((i) => diagonal[i] === 0);
  const mean = diagonal.reduce((sum, value) => sum + value, 0) / (n - dead.length);
  if (!(mean > 0 && mean < Number.POSITIVE_INFINITY)) return null;
  for (const part of DAMPING) {
    const added = diagonal.map((value) => (value === 0 ? mean : part * mean));
    const factor = inverseFactor(withAdded(hessian, added), n);
    if (factor === null) continue;
    const notes = part === DAMPING[0] ? [] : [`the Hessian took damping of ${part} times its mean diagonal`];
    return { factor, added, dead, notes };
  }
  const added = dominance(hessian, n).map((value) => value + mean * DAMPING[0]);
  const factor = inverseFactor(withAdded(hessian, added), n);
  return factor === null ? null : { factor, added, dead, notes: [FLOOR_NOTE] };
}

const FLOOR_NOTE = 'the Hessian was not positive definite: its diagonal was raised to the sum of each row';

function withAdded(hessian: Float64Array, added: Float64Array): Float64Array {
  const n = added.length;
  const sum = Float64Array.from(hessian);
  for (let i = 0; i < n; i++) sum[i * n + i] += added[i];
  return sum;
}

/** By how much each diagonal falls short of the sum of what else is in its row. */
function dominance(hessian: Float64Array, n: number): Float64Array {
  return Float64Array.from({ length: n }, (_, i) => {
    const row = hessian.subarray(i * n, (i + 1) * n);
    const others = row.reduce((sum, value) => sum + Math.abs(value), 0) - Math.abs(row[i]);
    return Math.max(0, others - row[i]);
  });
}

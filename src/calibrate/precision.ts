import { UserError } from '../errors.js';

/** One way to hold a matrix: what it takes, and what it costs. */
export interface Way {
  readonly bytes: number;
  readonly cost: number;
}

/** Steps in which a budget is counted, unless fewer are exact: bytes are rounded up to whole steps, so it is never exceeded. */
const MAX_STEPS = 20_000;

/**
 * The choice for each matrix of least total cost whose bytes together are within a budget, exactly where all bytes are multiples of 1/20,000 of it,
 * and otherwise as with one such step less for each matrix and one more. Of equal choices the earlier. Throws UserError where even the smallest are too large.
 * @param matrices the ways to hold each
 */
export function choosePrecisions<P extends Way>(
  matrices: readonly (readonly P[])[],
  budget: number,
): readonly P[] {
  const least = matrices.reduce((sum, ways) => sum + Math.min(...ways.map(({ bytes }) => bytes)), 0);
  if (least > budget)
    throw new UserError(`the matrices take ${least} bytes at least, but may take ${budget}`);
  const step = stepOf(matrices, budget);
  const numSteps = Math.floor(budget / step);
  const sized = matrices.map((ways) => ways.map((way) => ({ way, steps: Math.ceil(way.bytes / step) })));
  let best = new Float64Array(numSteps + 1);
  const chosen = sized.map((ways) => {
    const { costs, taken } = withMatrix(best, ways);
    best = costs;
    return taken;
  });
  if (best[numSteps] === Number.POSITIVE_INFINITY) return smallest(matrices);
  const picks: P[] = [];
  for (let i = matrices.length - 1, left = numSteps; i >= 0; i--) {
    const { way, steps } = sized[i][chosen[i][left]];
    picks.unshift(way);
    left -= steps;
  }
  return picks;
}

/** Only rounding up makes the smallest too large. */
function smallest<P extends Way>(matrices: readonly (readonly P[])[]): readonly P[] {
  return matrices.map((ways) =>
    ways.reduce((a, b) => (b.bytes < a.bytes || (b.bytes === a.bytes && b.cost < a.cost) ? b : a)),
  );
}

function stepOf(matrices: readonly (readonly Pick<Way, 'bytes'>[])[], budget: number): number {
  const common = matrices.flat().reduce((divisor, { bytes }) => gcd(divisor, bytes), 0);
  return Math.max(common, Math.ceil(budget / MAX_STEPS));
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

/**
 * Of each number of steps the least cost with one matrix more, and the way that it is held then.
 * @param before the same without it, `[steps + 1]`
 */
function withMatrix(
  before: Float64Array,
  ways: readonly { readonly way: Pick<Way, 'cost'>; readonly steps: number }[],
): { readonly costs: Float64Array<ArrayBuffer>; readonly taken: Uint8Array } {
  const costs = new Float64Array(before.length).fill(Number.POSITIVE_INFINITY);
  const taken = new Uint8Array(before.length);
  for (const [i, { way, steps }] of ways.entries()) {
    for (let size = steps; size < before.length; size++) {
      const cost = before[size - steps] + way.cost;
      if (cost >= costs[size]) continue;
      costs[size] = cost;
      taken[size] = i;
    }
  }
  return { costs, taken };
}

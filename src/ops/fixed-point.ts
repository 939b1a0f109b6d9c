import { LARGEST_CODE } from '../quant/rounding.js';

/** A positive number below 1 as integers: multiplier · 2^(−31 − shift), the multiplier in [2^30, 2^31). */
export interface FixedPoint {
  readonly multiplier: number;
  readonly shift: number;
}

const MULTIPLIER_BITS = 31;
/** Numbers below 2^−31 move every sum of 32 bits to 0. */
const MAX_SHIFT = 31;

/** M = M0 · 2^−n with M0 in [0.5, 1) of 31 bits (Jacob et al., arXiv 1712.05877, section 2.2). Throws RangeError for a number that is not in (0, 1). */
export function fixedPoint(value: number): FixedPoint {
  if (!(value > 0 && value < 1)) throw new RangeError(`${value} is not between 0 and 1`);
  let shift = 0;
  let fraction = value;
  for (; fraction < 0.5 && shift < MAX_SHIFT; shift++) fraction *= 2;
  const multiplier = Math.round(fraction * 2 ** MULTIPLIER_BITS);
  // What rounds up to 1 is a half of twice as much; at the upper end that is no fraction, so the last one below.
  if (multiplier < 2 ** MULTIPLIER_BITS) return { multiplier, shift };
  return shift === 0
    ? { multiplier: 2 ** MULTIPLIER_BITS - 1, shift }
    : { multiplier: 2 ** (MULTIPLIER_BITS - 1), shift: shift - 1 };
}

/**
 * The code of an output: `sum` · M to the nearest integer, within ±127. The product's upper half is rounded first, halves up; then the shift, halves
 * away from zero: the two roundings of gemmlowp's and TensorFlow Lite's kernels.
 * @param sum an integer of 32 bits
 */
export function rescaled(sum: number, { multiplier, shift }: FixedPoint): number {
  const code = dividedByPower(doubledHigh(sum, multiplier), shift);
  return Math.min(LARGEST_CODE, Math.max(-LARGEST_CODE, code));
}

/** round(a · multiplier / 2^31), halves up. It cannot saturate, as the multiplier is positive. */
function doubledHigh(a: number, multiplier: number): number {
  const product = BigInt(a) * BigInt(multiplier);
  return Number((product + (1n << 30n)) >> 31n);
}

/** round(a / 2^shift), halves away from zero. */
function dividedByPower(a: number, shift: number): number {
  if (shift === 0) return a;
  const size = Math.floor((Math.abs(a) + 2 ** (shift - 1)) / 2 ** shift);
  return a < 0 ? -size : size;
}

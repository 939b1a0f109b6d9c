import { f16Rounder, f16Value } from '../quant/half.js';
import { roundToEven } from './round.js';

/** Neighbouring values of a head that share a scale and a minimum in a KV cache of INT4. */
export const INT4_GROUP = 64;
const CODES_PER_WORD = 8;
const LARGEST_CODE = 15;

/** Words of a head in INT4: one for scale and minimum of each group, and one for each eight codes. */
export function int4Words(headDim: number): number {
  return Math.ceil(headDim / INT4_GROUP) + Math.ceil(headDim / CODES_PER_WORD);
}

/** What the values of a head give back that are rounded to INT4 by groups of 64, the last of which may be smaller. */
export function roundedToInt4(head: Float64Array): Float64Array {
  const out = new Float64Array(head.length);
  for (let at = 0; at < head.length; at += INT4_GROUP) {
    out.set(roundedGroup(head.subarray(at, at + INT4_GROUP)), at);
  }
  return out;
}

/** minimum + code · scale, both f16, scale = (maximum − minimum) / 15. Each value goes to the nearest code, ties to the even one. */
function roundedGroup(values: Float64Array): Float64Array {
  const half = f16Rounder();
  const least = Math.min(...values);
  const minimum = f16Value(half(least));
  const scale = f16Value(half((Math.max(...values) - least) / LARGEST_CODE));
  if (scale === 0) return values.map(() => minimum);
  return values.map((value) => minimum + scale * clampCode(roundToEven((value - minimum) / scale)));
}

function clampCode(code: number): number {
  return Math.min(LARGEST_CODE, Math.max(0, code));
}

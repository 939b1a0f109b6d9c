import { BLOCK_CODES, blocksPerRow } from '../quant/weight.js';
import { roundToEven } from './round.js';

/** The largest code of INT8; its negative is the smallest. */
const LARGEST_CODE = 127;
const CODES_PER_WORD = 4;

/** Words of a row of `cols` values in INT8: the codes of its blocks of 32, four per word, then an f32 scale for each block. */
export function codeWords(cols: number): number {
  return blocksPerRow(cols) * (BLOCK_CODES / CODES_PER_WORD + 1);
}

/** What a row gives back that is rounded to INT8 by blocks of 32 values. */
export function roundedRow(row: Float64Array): Float64Array {
  const out = new Float64Array(row.length);
  for (let at = 0; at < row.length; at += BLOCK_CODES) {
    out.set(roundedToInt8(row.subarray(at, at + BLOCK_CODES)), at);
  }
  return out;
}

/** What values give back that share one scale: greatest magnitude / 127, an f32. Each goes to the nearest code, ties to the even one. */
export function roundedToInt8(values: Float64Array): Float64Array {
  const greatest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const scale = Math.fround(greatest / LARGEST_CODE);
  if (scale === 0) return values.map(() => 0);
  return values.map((value) => scale * clampCode(roundToEven(value / scale)));
}

function clampCode(code: number): number {
  return Math.min(LARGEST_CODE, Math.max(-LARGEST_CODE, code));
}

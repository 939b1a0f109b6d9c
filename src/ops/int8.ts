import { LARGEST_CODE, type Rounding } from '../quant/rounding.js';
import { BLOCK_CODES, blocksPerRow } from '../quant/weight.js';
import { roundToEven } from './round.js';

const CODES_PER_WORD = 4;

/** Words of a row of `cols` values in INT8: the codes of its blocks of 32, four per word, then an f32 scale for each block. */
export function codeWords(cols: number): number {
  return blocksPerRow(cols) * (BLOCK_CODES / CODES_PER_WORD + 1);
}

/** What a token's row gives back that is rounded to INT8; outliers are in it as they are. */
export function roundedRow(row: Float64Array, { scale, outliers }: Rounding): Float64Array {
  const isOutlier = (value: number) => outliers !== null && Math.abs(value) >= outliers;
  const rest = outliers === null ? row : row.map((value) => (isOutlier(value) ? 0 : value));
  const rounded = roundedRest(rest, scale);
  return outliers === null ? rounded : rounded.map((value, k) => (isOutlier(row[k]) ? row[k] : value));
}

function roundedRest(row: Float64Array, scale: Rounding['scale']): Float64Array {
  if (scale === 'token') return roundedToInt8(row);
  if (scale !== 'block') return int8Codes(row, Math.fround(scale)).map((code) => Math.fround(scale) * code);
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
  return int8Codes(values, scale).map((code) => scale * code);
}

/** Codes of ±127 at most, the nearest to value / scale, ties to the even one; all 0 where the scale is. */
export function int8Codes(values: Float64Array, scale: number): Float64Array {
  if (scale === 0) return values.map(() => 0);
  return values.map((value) => clampCode(roundToEven(value / scale)));
}

function clampCode(code: number): number {
  return Math.min(LARGEST_CODE, Math.max(-LARGEST_CODE, code));
}

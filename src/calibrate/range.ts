import { UserError } from '../errors.js';
import { LARGEST_CODE } from '../quant/rounding.js';
import type { Magnitudes } from './magnitudes.js';

/** How the range of a static scale is chosen: magnitudes beyond it get the greatest code. */
export type RangeRule = (magnitudes: Magnitudes) => number;

/** Share of the magnitudes that stay within the range by `percentile`. */
const PERCENTILE = 0.9999;
/** Ranges that are tried by `mse` and `entropy`: so many, evenly spaced. */
const NUM_RANGES = 128;

/**
 * `minmax` takes the greatest magnitude; `ema` the moving average of each sample's greatest; `percentile` what 99.99% of them are within; `mse` the range
 * of least squared error; `entropy` that whose rounded distribution diverges least from the whole (KL, as in TensorRT: Migacz, GTC 2017).
 */
const RULES: ReadonlyMap<string, RangeRule> = new Map([
  ['minmax', (magnitudes) => magnitudes.greatest],
  ['ema', (magnitudes) => magnitudes.movingGreatest],
  ['percentile', percentileRange],
  ['mse', (magnitudes) => leastRange(magnitudes, squaredError)],
  ['entropy', (magnitudes) => leastRange(magnitudes, divergence)],
]);

/** For the help and for errors. */
export const RANGE_NAMES: readonly string[] = [...RULES.keys()];

export const DEFAULT_RANGE = 'minmax';

/** Throws UserError with the known names. */
export function parseRange(name: string): RangeRule {
  const rule = RULES.get(name);
  if (rule !== undefined) return rule;
  throw new UserError(`--activation-range: ${JSON.stringify(name)} is none of ${RANGE_NAMES.join(', ')}`);
}

/** The scale of codes of ±127, an f32 above 0. */
export function stepOf(magnitudes: Magnitudes, rule: RangeRule): number {
  const step = Math.fround(rule(magnitudes) / LARGEST_CODE);
  return step > 0 ? step : 1;
}

function percentileRange({ counts, binWidth, greatest }: Magnitudes): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  let within = 0;
  const bin = counts.findIndex((count) => {
    within += count;
    return within >= PERCENTILE * total;
  });
  return Math.min(greatest, (bin + 1) * binWidth);
}

/** The narrowest of the ranges of least cost. */
function leastRange(
  magnitudes: Magnitudes,
  cost: (magnitudes: Magnitudes, numBins: number) => number,
): number {
  const { binWidth, greatest } = magnitudes;
  if (greatest === 0) return 0;
  const last = Math.ceil(greatest / binWidth);
  const sizes = Array.from({ length: NUM_RANGES }, (_, i) => Math.ceil((last * (i + 1)) / NUM_RANGES));
  const tried = [...new Set(sizes)].filter((size) => size >= Math.min(last, LARGEST_CODE));
  const costs = tried.map((size) => cost(magnitudes, size));
  const best = tried[costs.indexOf(Math.min(...costs))];
  return Math.min(greatest, best * binWidth);
}

/** Σ (magnitude − what its code stands for)², each bin by its middle. */
function squaredError({ counts }: Magnitudes, numBins: number): number {
  const step = numBins / LARGEST_CODE;
  let sum = 0;
  for (let bin = 0; bin < counts.length; bin++) {
    if (counts[bin] === 0) continue;
    const value = bin + 0.5;
    const code = Math.min(LARGEST_CODE, Math.round(value / step));
    sum += counts[bin] * (value - code * step) ** 2;
  }
  return sum;
}

/**
 * KL divergence from the distribution within the range, all beyond it in its last bin, of that distribution with the bins of each code made even. What
 * is beyond counts in the first and not in the second.
 */
function divergence({ counts }: Magnitudes, numBins: number): number {
  const beyond = sumOf(counts, numBins, counts.length);
  const total = sumOf(counts, 0, counts.length);
  const inside = total - beyond;
  let kl = 0;
  for (let code = 0; code < LARGEST_CODE + 1; code++) {
    const [start, end] = codeBins(code, numBins);
    const even = sumOf(counts, start, end) / usedBins(counts, start, end);
    for (let bin = start; bin < end; bin++) {
      const count = counts[bin] + (bin === numBins - 1 ? beyond : 0);
      if (count === 0) continue;
      const rounded = counts[bin] === 0 ? 0 : even / inside;
      if (rounded === 0) return Number.POSITIVE_INFINITY;
      kl += (count / total) * Math.log(count / total / rounded);
    }
  }
  return kl;
}

/** Bins whose middles round to a code. */
function codeBins(code: number, numBins: number): [number, number] {
  const step = numBins / LARGEST_CODE;
  const edge = (at: number) => Math.max(0, Math.min(numBins, Math.round((at - 0.5) * step)));
  return [edge(code), code === LARGEST_CODE ? numBins : edge(code + 1)];
}

function usedBins(counts: Float64Array, start: number, end: number): number {
  let used = 0;
  for (let bin = start; bin < end; bin++) if (counts[bin] > 0) used++;
  return Math.max(1, used);
}

function sumOf(counts: Float64Array, start: number, end: number): number {
  let sum = 0;
  for (let bin = start; bin < end; bin++) sum += counts[bin];
  return sum;
}

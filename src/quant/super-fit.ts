import type { Block, BlockFit, BlockRounding } from './blocks.js';
import { f16Bits, f16Value } from './half.js';
import { SUPER_CODES } from './super.js';

/** How many steps wide the range of a run is taken to be, beside the number of its codes less one: from −1 to 1. */
const STRETCHES: readonly number[] = Array.from({ length: 21 }, (_, i) => (i - 10) / 10);
/** Steps of a code that the extreme of a run of signed codes is put at, beside the least code. */
const SHIFTS: readonly number[] = Array.from({ length: 19 }, (_, i) => (i - 9) / 10);
/** Of the factors of 8 runs with minimums, 6 bits. */
const MAX_FACTOR = 63;
/** Neighbours of a rounded factor that are tried too. */
const NEIGHBOURS = [0, -1, 1] as const;

/** Numbers of a run with the weights of their squared errors, in f64. */
interface Run {
  readonly x: Float64Array;
  readonly weights: Float64Array;
}

/** x ≈ scale · code − minimum, or + nothing where minimum is 0. */
interface Fit {
  readonly scale: number;
  readonly minimum: number;
}

/**
 * Q4_K and Q5_K: 8 runs of 32, each with a factor of the block's scale and one of its minimum. For each run the range from its least number, or
 * 0, to its greatest is cut into codes by some steps of slightly different width; the line through the numbers by their codes that leaves
 * the least squares is taken, its offset not above 0. Both are rounded to 6 bits of the largest of the 8, and their neighbours are tried.
 */
export function minimumsRounding(bits: 4 | 5): BlockRounding {
  const maxCode = 2 ** bits - 1;
  const run = newRun(32);
  const fit: BlockFit = (block, scales, at) => {
    const fits: Fit[] = [];
    for (let r = 0; r < 8; r++) fits.push(fitLine(readRun(run, block, 32 * r), maxCode));
    const scale = storedScale(scales, at, Math.max(...fits.map((fit) => fit.scale)) / MAX_FACTOR);
    const minimum = storedScale(scales, at + 2, Math.max(...fits.map((fit) => fit.minimum)) / MAX_FACTOR);
    for (const [r, wanted] of fits.entries()) {
      readRun(run, block, 32 * r);
      const [factor, minimumFactor] = nearestFactors(run, wanted, { scale, minimum }, maxCode);
      scales.setUint8(at + 4 + 2 * r, factor);
      scales.setUint8(at + 5 + 2 * r, minimumFactor);
      const chosen = { scale: scale * factor, minimum: minimum * minimumFactor };
      for (let i = 0; i < 32; i++) block.codes[32 * r + i] = lineCode(run.x[i], chosen, maxCode);
    }
  };
  return { size: SUPER_CODES, fit };
}

/** Q6_K: 16 runs of 16 codes around 32, each with a signed factor of 8 bits, found as the scale of least squares. */
export const SIGNED_ROUNDING: BlockRounding = signedRounding();

function signedRounding(): BlockRounding {
  const run = newRun(16);
  const fit: BlockFit = (block, scales, at) => {
    const wanted: number[] = [];
    for (let r = 0; r < 16; r++) wanted.push(fitScale(readRun(run, block, 16 * r)));
    const extreme = wanted.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0);
    const scale = storedScale(scales, at, extreme / -128);
    for (const [r, wish] of wanted.entries()) {
      readRun(run, block, 16 * r);
      const factor = nearestFactor(run, wish, scale);
      scales.setInt8(at + 4 + r, factor);
      for (let i = 0; i < 16; i++) block.codes[16 * r + i] = 32 + signedCode(run.x[i], scale * factor);
    }
  };
  return { size: SUPER_CODES, fit };
}

function newRun(length: number): Run {
  return { x: new Float64Array(length), weights: new Float64Array(length) };
}

/** @param from of the block's numbers */
function readRun(run: Run, { values, start, importance, column }: Block, from: number): Run {
  for (let i = 0; i < run.x.length; i++) {
    run.x[i] = values[start + from + i];
    run.weights[i] = importance === null ? 1 : importance[column + from + i];
  }
  return run;
}

/** The number that a scale has as f16, which is stored. */
function storedScale(scales: DataView, at: number, scale: number): number {
  const bits = f16Bits(scale);
  scales.setUint16(at, bits, true);
  return f16Value(bits);
}

function fitLine(run: Run, maxCode: number): Fit {
  const { x } = run;
  let [min, max] = [0, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < x.length; i++) {
    if (x[i] < min) min = x[i];
    if (x[i] > max) max = x[i];
  }
  if (max <= min) return { scale: 0, minimum: -min };
  let best = { scale: (max - min) / maxCode, minimum: -min, gain: Number.NEGATIVE_INFINITY };
  for (const stretch of STRETCHES) {
    const cut = { scale: (max - min) / (maxCode + stretch), minimum: -min };
    const line = leastSquares(run, cut, maxCode);
    if (line !== null && line.gain > best.gain) best = line;
  }
  return best;
}

/**
 * The line of least Σ weight · (x − line)² by the codes that a cut gives, and by how much that is less than Σ weight · x²; null where the codes
 * tell of none.
 */
function leastSquares(
  { x, weights }: Run,
  cut: Fit,
  maxCode: number,
): (Fit & { readonly gain: number }) | null {
  const inverse = 1 / cut.scale;
  let [w, wq, wqq, wx, wxq] = [0, 0, 0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    const q = Math.min(maxCode, Math.floor((x[i] + cut.minimum) * inverse + 0.5));
    const weight = weights[i];
    w += weight;
    wq += weight * q;
    wqq += weight * q * q;
    wx += weight * x[i];
    wxq += weight * x[i] * q;
  }
  const determinant = w * wqq - wq * wq;
  if (!(determinant > 0)) return null;
  const scale = (w * wxq - wx * wq) / determinant;
  const offset = (wqq * wx - wq * wxq) / determinant;
  if (offset > 0) return { scale: wxq / wqq, minimum: 0, gain: (wxq * wxq) / wqq };
  return { scale, minimum: -offset, gain: scale * wxq + offset * wx };
}

function lineCode(x: number, { scale, minimum }: Fit, maxCode: number): number {
  if (scale === 0) return 0;
  return Math.min(maxCode, Math.max(0, Math.floor((x + minimum) / scale + 0.5)));
}

/** Σ weight · error²; any number beyond `limit` where it is beyond that. */
function lineError({ x, weights }: Run, line: Fit, maxCode: number, limit: number): number {
  let sum = 0;
  for (let i = 0; i < x.length && sum <= limit; i++) {
    const error = x[i] - (line.scale * lineCode(x[i], line, maxCode) - line.minimum);
    sum += weights[i] * error * error;
  }
  return sum;
}

/** Factors of the block's scale and minimum, of 6 bits, of least error next to what a run wishes. */
function nearestFactors(run: Run, wanted: Fit, block: Fit, maxCode: number): readonly [number, number] {
  const factor = ratio(wanted.scale, block.scale);
  const minimumFactor = ratio(wanted.minimum, block.minimum);
  let best: readonly [number, number] = [clampFactor(factor), clampFactor(minimumFactor)];
  let least = Number.POSITIVE_INFINITY;
  for (const a of NEIGHBOURS) {
    for (const b of NEIGHBOURS) {
      const pair = [clampFactor(factor + a), clampFactor(minimumFactor + b)] as const;
      const line = { scale: block.scale * pair[0], minimum: block.minimum * pair[1] };
      const error = lineError(run, line, maxCode, least);
      if (error < least) [best, least] = [pair, error];
    }
  }
  return best;
}

function ratio(value: number, unit: number): number {
  return unit === 0 ? 0 : Math.round(value / unit);
}

function clampFactor(factor: number): number {
  return Math.min(MAX_FACTOR, Math.max(0, factor));
}

/** The scale of codes −32 … 31 of least Σ weight · error², its extreme at about the least code. */
function fitScale(run: Run): number {
  const { x, weights } = run;
  const extreme = x.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0);
  if (extreme === 0) return 0;
  let [best, gain] = [extreme / -32, 0];
  for (const shift of SHIFTS) {
    const cut = extreme / -(32 + shift);
    let [wxq, wqq] = [0, 0];
    for (let i = 0; i < x.length; i++) {
      const q = signedCode(x[i], cut);
      wxq += weights[i] * x[i] * q;
      wqq += weights[i] * q * q;
    }
    // With the scale of least squares, the error is Σ wx² less this.
    if (wqq > 0 && (wxq * wxq) / wqq > gain) [best, gain] = [wxq / wqq, (wxq * wxq) / wqq];
  }
  return best;
}

function signedCode(x: number, scale: number): number {
  if (scale === 0) return 0;
  return Math.min(31, Math.max(-32, Math.round(x / scale)));
}

function nearestFactor(run: Run, wanted: number, scale: number): number {
  const rounded = ratio(wanted, scale);
  let [best, least] = [0, Number.POSITIVE_INFINITY];
  for (const step of NEIGHBOURS) {
    const factor = Math.min(127, Math.max(-128, rounded + step));
    const error = signedError(run, scale * factor);
    if (error < least) [best, least] = [factor, error];
  }
  return best;
}

function signedError({ x, weights }: Run, scale: number): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) {
    const error = x[i] - scale * signedCode(x[i], scale);
    sum += weights[i] * error * error;
  }
  return sum;
}

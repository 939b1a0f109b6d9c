import type { Grid, GroupValues } from './grid.js';

/** Of the norm whose sum over the errors is to be small: below 1, so that a few large errors are let be. */
const NORM = 0.7;
const ROUNDS = 20;
/** How far errors are shrunk, and by what factor less each round. */
const SHRINKAGE = 10;
const GROWTH = 1.01;

/**
 * HQQ (Badri and Shaji, 2023, https://mobiusml.github.io/hqq_blog/) from a grid that is set: what is let be of each error, and a grid for the rest
 * of the numbers, are found in turns. The zero point becomes the mean of code − (w − e) / scale. As it is rounded here, where HQQ keeps a float,
 * the scale is found anew too, by least squares. Errors count in the weights' own unit, as published: those of up to 0.17 are not let be, which are
 * all of most models, so that the turns lessen the squared error there. It ends where the mean |error| no longer falls.
 */
export function refineGrid(grid: Grid, group: GroupValues): void {
  const codes = new Uint8Array(group.end - group.start);
  const targets = new Float64Array(codes.length);
  let best = { scale: grid.scale, zero: grid.zero, error: meanError(grid, group) };
  for (let round = 0; round < ROUNDS && grid.scale !== 0; round++) {
    separate(grid, group, codes, targets, SHRINKAGE * GROWTH ** round);
    refit(grid, codes, targets);
    const error = meanError(grid, group);
    if (!(error < best.error)) break;
    best = { scale: grid.scale, zero: grid.zero, error };
  }
  grid.set(best.scale, best.zero);
}

/** The code of each number, and what is left of it without the part of its error that is let be. */
function separate(
  grid: Grid,
  { values, start }: GroupValues,
  codes: Uint8Array,
  targets: Float64Array,
  beta: number,
): void {
  for (let i = 0; i < codes.length; i++) {
    const value = values[start + i];
    codes[i] = grid.code(value);
    targets[i] = value - shrink(value - grid.value(codes[i]), beta);
  }
}

/** sign(x) · max(|x| − |x|^(p−1) / β, 0) */
function shrink(x: number, beta: number): number {
  const size = Math.abs(x);
  return size === 0 ? 0 : Math.sign(x) * Math.max(size - size ** (NORM - 1) / beta, 0);
}

function refit(grid: Grid, codes: Uint8Array, targets: Float64Array): void {
  const { scale } = grid;
  if (grid.format.zeroPoints) grid.set(scale, bestZero(codes, targets, scale, 2 ** grid.format.bits - 1));
  let [product, square] = [0, 0];
  for (let i = 0; i < codes.length; i++) {
    const steps = grid.steps(codes[i]);
    product += steps * targets[i];
    square += steps * steps;
  }
  if (square > 0) grid.set(product / square, grid.zero);
}

function bestZero(codes: Uint8Array, targets: Float64Array, scale: number, maxCode: number): number {
  const sum = codes.reduce((total, code, i) => total + code - targets[i] / scale, 0);
  return Math.min(Math.max(Math.round(sum / codes.length), 0), maxCode);
}

function meanError(grid: Grid, { values, start, end }: GroupValues): number {
  let sum = 0;
  for (let i = start; i < end; i++) sum += Math.abs(values[i] - grid.value(grid.code(values[i])));
  return sum / (end - start);
}

import { anchorOf, type Grid, type GroupValues } from './grid.js';
import { refineGrid } from './half-quadratic.js';
import type { WeightFormat } from './weight.js';

/**
 * How the scale of a group is chosen. `extremes`: its number of largest magnitude, or least and greatest, are codes. `search`: of p times these
 * extremes, p = 1, 0.99, … 0.21, the choice of least Σ importance · |error|^power (GPTQ's `mse` takes a power of 2.4); where a grid reaches
 * farther to one side than to the other, with either sign. `clip`: the same with p = 1, 0.95, … 0.55 by the error of the outputs, δ·M·δᵀ with M the
 * moments in runs of 128 columns (AWQ's search of clipping). `half-quadratic`: the extremes, then as HQQ says (`half-quadratic.ts`).
 */
export type ScaleRule =
  | { readonly kind: 'extremes' }
  | { readonly kind: 'half-quadratic' }
  | { readonly kind: 'clip' }
  | { readonly kind: 'search'; readonly power: number };

interface Range {
  readonly min: number;
  readonly max: number;
}

/** Sets the grid so that it spans `factor` times a range, turned where `sign` is −1. */
type SetGrid = (grid: Grid, range: Range, factor: number, sign: 1 | -1) => void;

/** Sets the grid to a group's numbers, which must be finite. Its scale is infinite where its type cannot hold it. */
export type FitScale = (grid: Grid, group: GroupValues) => void;

const SHRINKS: readonly number[] = Array.from({ length: 80 }, (_, i) => 1 - i / 100);
const CLIPS: readonly number[] = Array.from({ length: 10 }, (_, i) => 1 - i / 20);
/** Columns whose errors are told apart by their moments: all of a long group would cost its square. */
const RUN_COLUMNS = 128;
/** Neighbours among powers of two. */
const POWERS: readonly number[] = [1, 2, 0.5];

/** @param format one that `Grid` knows */
export function scaleFit(format: WeightFormat, rule: ScaleRule): FitScale {
  const setGrid = gridSetter(format);
  if (rule.kind === 'extremes') return (grid, group) => setGrid(grid, rangeOf(group), 1, 1);
  if (rule.kind === 'half-quadratic') {
    return (grid, group) => {
      setGrid(grid, rangeOf(group), 1, 1);
      refineGrid(grid, group);
    };
  }
  const isClip = rule.kind === 'clip';
  const steps = isClip ? CLIPS : SHRINKS;
  const factors = format.scaleType === 'e8m0' ? POWERS : steps;
  const signs = format.zeroPoints || anchorOf(format).symmetric ? ([1] as const) : ([1, -1] as const);
  return searchedFit(setGrid, factors, signs, isClip ? outputError() : powerError(rule.power));
}

/** Of a group as the grid is set; any number beyond `limit` where it is beyond that. */
type GroupError = (grid: Grid, group: GroupValues, limit: number) => number;

function searchedFit(
  setGrid: SetGrid,
  factors: readonly number[],
  signs: readonly (1 | -1)[],
  errorOf: GroupError,
): FitScale {
  return (grid, group) => {
    const range = rangeOf(group);
    let best = { factor: 1, sign: signs[0], error: Number.POSITIVE_INFINITY };
    for (const sign of signs) {
      for (const factor of factors) {
        setGrid(grid, range, factor, sign);
        const error = errorOf(grid, group, best.error);
        if (error < best.error) best = { factor, sign, error };
      }
    }
    setGrid(grid, range, best.factor, best.sign);
  };
}

function gridSetter(format: WeightFormat): SetGrid {
  if (format.zeroPoints) return (grid, { min, max }, factor) => grid.setRange(factor * min, factor * max);
  const { anchor, symmetric } = anchorOf(format);
  return (grid, { min, max }, factor, sign) => {
    const extreme = max > -min ? max : min;
    grid.set((factor * sign * (symmetric ? Math.abs(extreme) : extreme)) / anchor);
  };
}

/** From the least number, or 0, to the greatest, or 0. */
function rangeOf({ values, start, end }: GroupValues): Range {
  let min = 0;
  let max = 0;
  for (let i = start; i < end; i++) {
    if (values[i] < min) min = values[i];
    else if (values[i] > max) max = values[i];
  }
  return { min, max };
}

/** Σ importance · |error|^power. */
function powerError(power: number): GroupError {
  return (grid, { values, start, end, importance }, limit) => {
    let sum = 0;
    for (let i = start; i < end && sum <= limit; i++) {
      const error = Math.abs(values[i] - grid.value(grid.code(values[i])));
      sum += (importance === null ? 1 : importance[i]) * (power === 2 ? error * error : error ** power);
    }
    return sum;
  };
}

const squaredError = powerError(2);

/** δ·M·δᵀ, δ the errors, in runs of columns; without moments the squared error. */
function outputError(): GroupError {
  const errors = new Float64Array(RUN_COLUMNS);
  return (grid, group, limit) => {
    const { values, start, end, moments } = group;
    if (moments === undefined || moments === null) return squaredError(grid, group, limit);
    let sum = 0;
    for (let at = start; at < end && sum <= limit; at += RUN_COLUMNS) {
      const count = Math.min(RUN_COLUMNS, end - at);
      for (let i = 0; i < count; i++) errors[i] = values[at + i] - grid.value(grid.code(values[at + i]));
      sum += runError(errors, count, moments, at * values.length + at, values.length);
    }
    return sum;
  };
}

/** @param at of the run's first moment in `[cols][cols]` */
function runError(
  errors: Float64Array,
  count: number,
  moments: Float64Array,
  at: number,
  cols: number,
): number {
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const row = at + i * cols;
    let dot = (moments[row + i] * errors[i]) / 2;
    for (let j = i + 1; j < count; j++) dot += moments[row + j] * errors[j];
    sum += 2 * errors[i] * dot;
  }
  return sum;
}

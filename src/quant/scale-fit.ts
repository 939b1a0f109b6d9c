import { keepGain } from './gain.js';
import { anchorOf, type Grid, type GroupValues } from './grid.js';
import { refineGrid } from './half-quadratic.js';
import type { WeightFormat } from './weight.js';

/**
 * How the scale of a group is chosen. `extremes`: its number of largest magnitude, or least and greatest, are codes. `search`: of p times these
 * extremes, p = 1, 0.99, … 0.21, the choice of least Σ importance · |error|^power (GPTQ's `mse` takes a power of 2.4); where a grid reaches
 * farther to one side than to the other, with either sign. With `keepsGain` it is made as large as the numbers were then (`gain.ts`). `clip`: the same
 * with p = 1, 0.95, … 0.55 by the error of the outputs, δ·M·δᵀ with M the moments in runs of 128 columns (AWQ's search of clipping).
 * `half-quadratic`: the extremes, then as HQQ says (`half-quadratic.ts`), and as large as the numbers were.
 */
export type ScaleRule =
  | { readonly kind: 'extremes' }
  | { readonly kind: 'half-quadratic' }
  | { readonly kind: 'clip' }
  | { readonly kind: 'search'; readonly power: number; readonly keepsGain?: boolean };

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
/** Choices whose errors are summed side by side: each moment is read once for all of them, and no addition waits for the one before. */
const BATCH = 5;
/** Neighbours among powers of two. */
const POWERS: readonly number[] = [1, 2, 0.5];

/** @param format one that `Grid` knows */
export function scaleFit(format: WeightFormat, rule: ScaleRule): FitScale {
  const setGrid = gridSetter(format);
  if (rule.kind === 'extremes') return (grid, group) => setGrid(grid, rangeOf(group), 1, 1);
  if (rule.kind === 'half-quadratic') {
    return withGain((grid, group) => {
      setGrid(grid, rangeOf(group), 1, 1);
      refineGrid(grid, group);
    });
  }
  if (rule.kind === 'clip') return clippedFit(setGrid, choicesOf(format, CLIPS));
  const fit = searchedFit(setGrid, choicesOf(format, SHRINKS), powerError(rule.power));
  return rule.keepsGain === true ? withGain(fit) : fit;
}

/** What is fitted, as large as the numbers were. */
function withGain(fit: FitScale): FitScale {
  return (grid, group) => {
    fit(grid, group);
    keepGain(grid, group);
  };
}

/** What a grid may span of a group's range. */
interface Choice {
  readonly factor: number;
  readonly sign: 1 | -1;
}

function choicesOf(format: WeightFormat, steps: readonly number[]): readonly Choice[] {
  const factors = format.scaleType === 'e8m0' ? POWERS : steps;
  const signs = format.zeroPoints || anchorOf(format).symmetric ? ([1] as const) : ([1, -1] as const);
  return signs.flatMap((sign) => factors.map((factor) => ({ factor, sign })));
}

/** Of a group as the grid is set; any number beyond `limit` where it is beyond that. */
type GroupError = (grid: Grid, group: GroupValues, limit: number) => number;

function searchedFit(setGrid: SetGrid, choices: readonly Choice[], errorOf: GroupError): FitScale {
  return (grid, group) => {
    const range = rangeOf(group);
    let [best, least] = [choices[0], Number.POSITIVE_INFINITY];
    for (const choice of choices) {
      setGrid(grid, range, choice.factor, choice.sign);
      const error = errorOf(grid, group, least);
      if (error < least) [best, least] = [choice, error];
    }
    setGrid(grid, range, best.factor, best.sign);
  };
}

/** By the errors of the outputs; without moments by squared errors. */
function clippedFit(setGrid: SetGrid, choices: readonly Choice[]): FitScale {
  const withoutMoments = searchedFit(setGrid, choices, powerError(2));
  const errors = new OutputErrors();
  const batches = Array.from({ length: Math.ceil(choices.length / BATCH) }, (_, i) =>
    choices.slice(i * BATCH, (i + 1) * BATCH),
  );
  return (grid, group) => {
    const { moments } = group;
    if (moments === undefined || moments === null) return withoutMoments(grid, group);
    const range = rangeOf(group);
    let [best, least] = [choices[0], Number.POSITIVE_INFINITY];
    for (const batch of batches) {
      const sums = errors.of(group, moments, batch.length, (i) => {
        setGrid(grid, range, batch[i].factor, batch[i].sign);
        return grid;
      });
      for (const [i, choice] of batch.entries()) if (sums[i] < least) [best, least] = [choice, sums[i]];
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

/** δ·M·δᵀ of up to `BATCH` grids, δ the errors, in runs of columns. */
class OutputErrors {
  readonly #sums = new Float64Array(BATCH);
  /** `[RUN_COLUMNS][BATCH]`. */
  readonly #errors = new Float64Array(RUN_COLUMNS * BATCH);

  /** @param gridOf a choice; it may be one grid that is set anew. The result is good until the next call. */
  of(
    { values, start, end }: GroupValues,
    moments: Float64Array,
    numChoices: number,
    gridOf: (choice: number) => Grid,
  ): Float64Array {
    this.#sums.fill(0);
    this.#errors.fill(0);
    for (let at = start; at < end; at += RUN_COLUMNS) {
      const count = Math.min(RUN_COLUMNS, end - at);
      for (let choice = 0; choice < numChoices; choice++) {
        const grid = gridOf(choice);
        for (let i = 0; i < count; i++) {
          const value = values[at + i];
          this.#errors[i * BATCH + choice] = value - grid.value(grid.code(value));
        }
      }
      this.#addRun(count, moments, at * values.length + at, values.length);
    }
    return this.#sums;
  }

  /** @param at of the run's first moment in `[cols][cols]` */
  #addRun(count: number, moments: Float64Array, at: number, cols: number): void {
    const errors = this.#errors;
    const sums = this.#sums;
    for (let i = 0; i < count; i++) {
      const own = i * BATCH;
      const half = moments[at + i * cols + i] / 2;
      let d0 = half * errors[own];
      let d1 = half * errors[own + 1];
      let d2 = half * errors[own + 2];
      let d3 = half * errors[own + 3];
      let d4 = half * errors[own + 4];
      for (let j = i + 1; j < count; j++) {
        const moment = moments[at + i * cols + j];
        const other = j * BATCH;
        d0 += moment * errors[other];
        d1 += moment * errors[other + 1];
        d2 += moment * errors[other + 2];
        d3 += moment * errors[other + 3];
        d4 += moment * errors[other + 4];
      }
      sums[0] += 2 * errors[own] * d0;
      sums[1] += 2 * errors[own + 1] * d1;
      sums[2] += 2 * errors[own + 2] * d2;
      sums[3] += 2 * errors[own + 3] * d3;
      sums[4] += 2 * errors[own + 4] * d4;
    }
  }
}

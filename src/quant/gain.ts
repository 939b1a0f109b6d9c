import type { Grid, GroupValues } from './grid.js';

/**
 * Scales a grid so that what numbers w are rounded to, q, is on average as large as they are: by Σ w² / Σ q·w. The grid of least error makes them
 * smaller, by about the share of the squared error, and with them all that a layer adds to the residual stream, where errors of single numbers
 * cancel out. Powers of two are left alone.
 */
export function keepGain(grid: Grid, { values, start, end }: GroupValues): void {
  if (grid.format.scaleType === 'e8m0') return;
  let [before, after] = [0, 0];
  for (let i = start; i < end; i++) {
    const value = values[i];
    before += value * value;
    after += value * grid.value(grid.code(value));
  }
  if (before > 0 && after > 0) grid.set((grid.scale * before) / after, grid.zero);
}

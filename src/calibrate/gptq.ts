import type { ScaleRule } from '../quant/scale-fit.js';
import { type ColumnOrder, type OrderedColumns, orderColumns } from './column-order.js';
import { type Damped, dampedFactor } from './damping.js';
import { blocksOf, CompensatedRows } from './gptq-rows.js';
import type { InputStats, MatrixInput, MatrixMethod, MatrixResult } from './method.js';
import { NEAREST_NOTE, nearestMethod } from './nearest.js';
import { RowRounder } from './row-rounder.js';

export interface GptqOptions {
  readonly scales: ScaleRule;
  /** Whether the search of scales weighs errors by the mean of the input's square. */
  readonly weighted: boolean;
  readonly order: ColumnOrder;
}

const UNUSABLE_NOTE = 'rounded to nearest: its inputs are all 0, or no numbers';
const OVERFLOW_NOTE = 'rounded to nearest: the compensated weights overflowed';

/** Rows that are worked on at once: as f64 they take little memory, and each block of U serves them all. */
const ROWS_AT_ONCE = 64;

/**
 * GPTQ (Frantar et al., arXiv 2210.17323): columns are rounded one after another, and what rounding each changes in the outputs is made up for
 * by the columns that are still to come. Falls back to the nearest codes, with a note, where there is no Hessian or none that can be used.
 */
export function gptqMethod(options: GptqOptions): MatrixMethod {
  const nearest = nearestMethod(options);
  const factorOf = sharedFactors();
  const fallBack = (input: MatrixInput, note: string): MatrixResult => ({
    ...nearest.quantize(input),
    notes: [note],
  });
  return {
    name: 'gptq',
    needs: 'hessian',
    withoutInputs: () => NEAREST_NOTE,
    quantize: (input) => {
      const { stats, cols } = input;
      if (stats === null || stats.hessian === null) return fallBack(input, NEAREST_NOTE);
      const diagonal = Float64Array.from({ length: cols }, (_, k) => stats.hessian?.[k * (cols + 1)] ?? 0);
      const ordered = orderColumns(input, options.order, diagonal);
      const damped = factorOf(stats.hessian, ordered.columns);
      if (damped === null) return fallBack(input, UNUSABLE_NOTE);
      const result = compensate(input, ordered, damped, options, stats);
      return Number.isFinite(result.error) ? result : fallBack(input, OVERFLOW_NOTE);
    },
  };
}

/** `dampedFactor`, done once for matrices that follow each other with the same inputs in the same order: q, k and v, gate and up. */
function sharedFactors(): typeof dampedFactor {
  const known = new WeakMap<Float64Array, { columns: Uint32Array; damped: Damped | null }>();
  return (hessian, columns) => {
    const last = known.get(hessian);
    if (last?.columns.every((column, p) => column === columns[p])) return last.damped;
    const damped = dampedFactor(hessian, columns);
    known.set(hessian, { columns, damped });
    return damped;
  };
}

function compensate(
  input: MatrixInput,
  ordered: OrderedColumns,
  damped: Damped,
  { scales, weighted }: GptqOptions,
  { meanSquares }: InputStats,
): MatrixResult {
  const { rows } = input;
  const rounder = new RowRounder(input, scales);
  const importance = weighted ? Float64Array.from(ordered.columns, (column) => meanSquares[column]) : null;
  const work = new CompensatedRows(rounder, ordered, damped, importance, Math.min(rows, ROWS_AT_ONCE));
  const blocks = blocksOf(ordered.segments);
  let error = 0;
  for (let row = 0; row < rows; row += ROWS_AT_ONCE) {
    error += work.quantize(row, Math.min(ROWS_AT_ONCE, rows - row), blocks);
  }
  const { dead, notes } = damped;
  const deadNote = `${dead.length} of ${input.cols} inputs are always 0: so are their weights now`;
  return {
    packed: rounder.packed,
    groupIndex: ordered.groupIndex,
    error: error / rows,
    notes: dead.length === 0 ? notes : [...notes, deadNote],
  };
}

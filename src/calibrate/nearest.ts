import type { ScaleRule } from '../quant/scale-fit.js';
import type { InputStats, MatrixInput, MatrixMethod, MatrixResult } from './method.js';
import { outputError } from './output-error.js';
import { RowRounder, segmentsOf } from './row-rounder.js';

export interface NearestOptions {
  readonly scales: ScaleRule;
  /** Whether the search weighs each error by the mean of its input's square (llama.cpp's `imatrix`); `clip` by what is known of pairs of inputs. */
  readonly weighted: boolean;
}

/** What is done where nothing is known of a matrix's inputs, in words. */
export const ALIKE_NOTE = 'nothing is known of its inputs: errors all count alike';
export const NEAREST_NOTE = 'rounded to nearest: nothing is known of its inputs';

/** Each number to the nearest code of its group (RTN). With `extremes` codes are those of `quantizeRtn`. */
export function nearestMethod({ scales, weighted }: NearestOptions): MatrixMethod {
  const known = scales.kind === 'clip' ? 'hessian' : 'moments';
  const blindNote = weighted ? ALIKE_NOTE : null;
  return {
    name: 'rtn',
    needs: weighted ? known : 'nothing',
    withoutInputs: () => blindNote,
    quantize: (input) => {
      const result = roundMatrix(input, scales, weighted ? input.stats : null);
      return input.stats !== null || blindNote === null ? result : { ...result, notes: [blindNote] };
    },
  };
}

/** @param weights what is known of the inputs, to weigh errors by; null where all count alike */
function roundMatrix(input: MatrixInput, scales: ScaleRule, weights: InputStats | null): MatrixResult {
  const { rows, cols, values: all, stats } = input;
  const rounder = new RowRounder(input, scales);
  const segments = segmentsOf(input);
  const values = new Float64Array(cols);
  const codes = new Uint8Array(cols);
  const importance = weights?.meanSquares ?? null;
  const moments = weights?.hessian ?? null;
  let error = 0;
  for (let row = 0; row < rows; row++) {
    values.set(all.subarray(row * cols, (row + 1) * cols));
    for (const { group, start, end } of segments) {
      rounder.fit(row, group, { values, start, end, importance, moments });
      roundGroup(rounder, values, codes, start, end);
    }
    rounder.finish(row, codes);
    error += outputError(values, stats);
  }
  return { packed: rounder.packed, groupIndex: null, error: error / rows, notes: [] };
}

/** Leaves in `values` how far each is from what its code stands for. */
function roundGroup(
  { grid }: RowRounder,
  values: Float64Array,
  codes: Uint8Array,
  start: number,
  end: number,
): void {
  for (let k = start; k < end; k++) {
    codes[k] = grid.code(values[k]);
    values[k] -= grid.value(codes[k]);
  }
}

import { UserError } from '../errors.js';
import {
  type BlockRounding,
  BYTE_ROUNDING,
  middleRounding,
  roundBlocks,
  SPAN_ROUNDING,
} from '../quant/blocks.js';
import { dequantizeRow, formatName, STORED_FORMATS, sameFormat } from '../quant/formats.js';
import { minimumsRounding, SIGNED_ROUNDING } from '../quant/super-fit.js';
import type { PackedWeight, WeightFormat } from '../quant/weight.js';
import type { MatrixInput, MatrixMethod, MatrixResult } from './method.js';
import { ALIKE_NOTE, NEAREST_NOTE } from './nearest.js';
import { outputError } from './output-error.js';
import { checkFinite } from './row-rounder.js';

/** Whether errors count alike where a block has scales of two levels, or are weighed by the inputs' squares. */
export type BlockSearch = 'plain' | 'weighted';

export interface BlockOptions {
  /** For formats of one scale for 32 codes; null rounds these to nearest as GGUF's reference does, bit by bit. */
  readonly simple: MatrixMethod | null;
  readonly search: BlockSearch;
}

/** The rounding of blocks in each format that has one. */
const ROUNDINGS: readonly (readonly [WeightFormat, () => BlockRounding])[] = [
  [int(4), () => middleRounding(4)],
  [int(5), () => middleRounding(5)],
  [int(8), () => BYTE_ROUNDING],
  [STORED_FORMATS.q5_1, () => SPAN_ROUNDING],
  [STORED_FORMATS.q4_k, () => minimumsRounding(4)],
  [STORED_FORMATS.q5_k, () => minimumsRounding(5)],
  [STORED_FORMATS.q6_k, () => SIGNED_ROUNDING],
];

function int(bits: 4 | 5 | 8): WeightFormat {
  return { reader: `int${bits}`, bits, groupSize: 32, scaleType: 'f16', zeroPoints: false };
}

/** Chooses codes of the formats that GGUF's types are. A matrix whose inputs `simple` must know and does not is rounded as without it. */
export function blockMethod({ simple, search }: BlockOptions): MatrixMethod {
  const needs = simple?.needs ?? 'nothing';
  return {
    name: simple?.name ?? 'rtn',
    needs: search === 'weighted' && needs === 'nothing' ? 'moments' : needs,
    withoutInputs: (format) => {
      if (format.scaleType === 'super') return search === 'weighted' ? ALIKE_NOTE : null;
      return needs === 'nothing' || !isSearched(format) ? null : NEAREST_NOTE;
    },
    quantize: (input) => {
      const isKnown = input.stats !== null || needs === 'nothing';
      if (simple !== null && isKnown && isSearched(input.format)) return simple.quantize(input);
      return roundMatrix(input, search === 'weighted', simple !== null);
    },
  };
}

/** Whether codes may be chosen with one scale for 32 columns: Q8_0 gains nothing by a search. */
function isSearched({ scaleType, bits }: WeightFormat): boolean {
  return scaleType === 'f16' && bits < 8;
}

function roundMatrix(input: MatrixInput, weighted: boolean, searches: boolean): MatrixResult {
  checkFinite(input);
  const { values, format, stats } = input;
  const [, rounding] = ROUNDINGS.find(([known]) => sameFormat(known, format)) ?? [];
  if (rounding === undefined) throw new UserError(`${input.name}: no blocks of ${formatName(format)}`);
  const importance = weighted ? (stats?.meanSquares ?? null) : null;
  const packed = roundBlocks(values, input, rounding(), importance);
  return {
    packed,
    groupIndex: null,
    error: errorOf(input, packed),
    notes: notesOf(format, weighted && importance === null, searches),
  };
}

/** @param searches whether the method would choose codes of one scale for 32 itself */
function notesOf(format: WeightFormat, isBlind: boolean, searches: boolean): readonly string[] {
  if (format.scaleType === 'super') return isBlind ? [ALIKE_NOTE] : [];
  if (!searches) return [];
  return [isSearched(format) ? NEAREST_NOTE : 'rounded to nearest, whatever the method'];
}

/** Throws UserError where a number that a code stands for is infinite. */
function errorOf({ name, values, rows, cols, format, stats }: MatrixInput, packed: PackedWeight): number {
  const delta = new Float64Array(cols);
  let error = 0;
  for (let row = 0; row < rows; row++) {
    dequantizeRow(packed, row, delta);
    if (!delta.every(Number.isFinite))
      throw new UserError(`${name}: row ${row} is too large for the f16 scales of ${formatName(format)}`);
    for (let k = 0; k < cols; k++) delta[k] = values[row * cols + k] - delta[k];
    error += outputError(delta, stats);
  }
  return error / rows;
}

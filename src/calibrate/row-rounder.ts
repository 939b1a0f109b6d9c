import { UserError } from '../errors.js';
import { zeroAt } from '../quant/affine.js';
import { allocate, packRow, rowCodes, type ScaledWeight, storeScale, storeZero } from '../quant/builder.js';
import { formatName } from '../quant/formats.js';
import { Grid, type GroupValues } from '../quant/grid.js';
import { type FitScale, type ScaleRule, scaleFit } from '../quant/scale-fit.js';
import { groupsPerRow } from '../quant/weight.js';
import type { MatrixInput } from './method.js';

/** Columns that share a scale: where they stand, and the index of the scale in its row. */
export interface Segment {
  readonly group: number;
  readonly start: number;
  readonly end: number;
}

/** The groups of a row in order. */
export function segmentsOf({ format, cols }: Pick<MatrixInput, 'format' | 'cols'>): readonly Segment[] {
  const size = format.groupSize ?? cols;
  return Array.from({ length: groupsPerRow(format, cols) }, (_, group) => ({
    group,
    start: group * size,
    end: Math.min((group + 1) * size, cols),
  }));
}

/** Makes a packed weight of a matrix: chooses the scale of one group after another, and takes the codes of one row after another. */
export class RowRounder {
  /** Set to the group that `fit` was called for last. */
  readonly grid: Grid;
  readonly packed: ScaledWeight;
  readonly #fit: FitScale;
  readonly #codes: Uint8Array;

  /** Throws UserError where a value is NaN or infinite, or the format has no one scale for a group. */
  constructor(
    readonly input: MatrixInput,
    rule: ScaleRule,
  ) {
    const { name, format, rows, cols } = input;
    if (groupsPerRow(format, cols) === 0 || format.scaleType === 'super' || format.scaleType === 'f16+f16')
      throw new UserError(`${name}: cannot round to ${formatName(format)}: no one scale for a group`);
    checkFinite(input);
    this.grid = new Grid(format);
    this.packed = allocate(format, rows, cols);
    this.#fit = scaleFit(format, rule);
    this.#codes = rowCodes(cols);
  }

  /** Chooses and stores scale and zero point of a row's group. Throws UserError where they are too large for the scale's type. */
  fit(row: number, group: number, values: GroupValues): void {
    this.#fit(this.grid, values);
    const { name, format, cols } = this.input;
    if (!Number.isFinite(this.grid.scale)) {
      const where = `row ${row}, group ${group}`;
      throw new UserError(`${name}: ${where} is too large for an ${format.scaleType} scale`);
    }
    const index = row * groupsPerRow(format, cols) + group;
    storeScale(this.packed, index, this.grid.scale);
    storeZero(this.packed, index, this.grid.zero);
  }

  /** @param codes `[cols]` in the matrix's own order, once all groups of the row have their scales */
  finish(row: number, codes: Uint8Array): void {
    const { format, cols } = this.input;
    this.#codes.set(codes);
    const lastGroup = (row + 1) * groupsPerRow(format, cols) - 1;
    this.#codes.fill(format.table === undefined ? zeroAt(this.packed, lastGroup) : this.grid.code(0), cols);
    packRow(this.packed, row, this.#codes);
  }
}

/** Throws UserError with the place of a value that is NaN or infinite. */
export function checkFinite({ name, values, rows, cols }: MatrixInput): void {
  if (values.length !== rows * cols)
    throw new RangeError(`${name}: ${values.length} values are not [${rows}, ${cols}]`);
  const index = values.findIndex((value) => !Number.isFinite(value));
  if (index === -1) return;
  const where = `row ${Math.floor(index / cols)}, column ${index % cols}`;
  throw new UserError(`${name}: ${where} is ${values[index]}: it cannot be quantized`);
}

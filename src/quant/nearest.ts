import { UserError } from '../errors.js';
import { allocate, packRow, rowCodes, storeScale } from './builder.js';
import { formatName } from './formats.js';
import { Grid } from './grid.js';
import { quantizeRtn } from './rtn.js';
import { scaleFit } from './scale-fit.js';
import { groupsPerRow, isInteger, type PackedWeight, type WeightFormat } from './weight.js';

/**
 * Rounds a matrix to the nearest codes, as `quantizeRtn` does for integers. In a table's format the number of largest magnitude of each group is mapped
 * to the table's own largest (bitsandbytes' absmax).
 * @param values `[rows][cols]` row-major
 * @param name names the matrix in errors; @param firstRow row of that matrix that the first of these is
 * Throws UserError where a number is NaN, infinite, or too large for the scale's type.
 */
export function quantizeNearest(
  values: Float32Array,
  rows: number,
  cols: number,
  format: WeightFormat,
  name = 'weight',
  firstRow = 0,
): PackedWeight {
  if (isInteger(format)) return quantizeRtn(values, rows, cols, format, name, firstRow);
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad !== -1)
    throw new UserError(
      `${name}: row ${firstRow + Math.floor(bad / cols)}, column ${bad % cols} is ${values[bad]}: no code can stand for it (${formatName(format)})`,
    );
  return quantizeTable(values, rows, cols, format);
}

function quantizeTable(values: Float32Array, rows: number, cols: number, format: WeightFormat): PackedWeight {
  const weight = allocate(format, rows, cols);
  const grid = new Grid(format);
  const fit = scaleFit(format, { kind: 'extremes' });
  const groups = groupsPerRow(format, cols);
  const size = format.groupSize ?? cols;
  const row = new Float64Array(cols);
  const codes = rowCodes(cols);
  for (let n = 0; n < rows; n++) {
    row.set(values.subarray(n * cols, (n + 1) * cols));
    for (let g = 0; g < groups; g++) {
      const [start, end] = [g * size, Math.min((g + 1) * size, cols)];
      fit(grid, { values: row, start, end, importance: null });
      storeScale(weight, n * groups + g, grid.scale);
      for (let k = start; k < end; k++) codes[k] = grid.code(row[k]);
    }
    // What is beyond the columns decodes to 0.
    codes.fill(grid.code(0), cols);
    packRow(weight, n, codes);
  }
  return weight;
}

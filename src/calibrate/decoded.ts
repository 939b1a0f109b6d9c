import { scaleAt, zeroAt } from '../quant/affine.js';
import { packFloat } from '../quant/pack.js';
import { getCode } from '../quant/planes.js';
import { TABLES } from '../quant/tables.js';
import { BLOCK_CODES, blocksPerRow, groupsPerRow, type PackedWeight } from '../quant/weight.js';
import type { MatrixResult } from './method.js';

type Codes = Pick<MatrixResult, 'packed' | 'groupIndex'>;

/** What stands for the result in a product: itself, or where columns are in groups of their own its numbers in f32. */
export function usableWeight({ packed, groupIndex }: Codes): PackedWeight {
  if (groupIndex === null) return packed;
  return packFloat(scatteredValues(packed, groupIndex), 'f32', packed.rows, packed.cols);
}

/** `[rows][cols]` the numbers that codes in groups of scattered columns stand for. @param groupIndex group of each column */
function scatteredValues(packed: PackedWeight, groupIndex: Uint32Array): Float32Array {
  const { rows, cols, format, codes } = packed;
  const { bits } = format;
  const table = format.table === undefined ? null : TABLES[format.table];
  const [groups, stride] = [groupsPerRow(format, cols), blocksPerRow(cols) * BLOCK_CODES];
  const values = new Float32Array(rows * cols);
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < cols; k++) {
      const index = row * groups + groupIndex[k];
      const code = getCode(codes, row * stride + k, bits);
      const steps = table === null ? code - zeroAt(packed, index) : table[code];
      values[row * cols + k] = steps * scaleAt(packed, index);
    }
  }
  return values;
}

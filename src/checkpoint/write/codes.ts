import { scaleAt, zeroAt } from '../../quant/affine.js';
import { getBits } from '../../quant/bits.js';
import { getCode } from '../../quant/planes.js';
import { BLOCK_CODES, blocksPerRow, groupsPerRow, type PackedWeight } from '../../quant/weight.js';

/** Writes the codes of a row, unsigned and without padding, to the front of `out`. */
export function readCodes({ format, cols, codes }: PackedWeight, row: number, out: Uint8Array): void {
  const start = row * blocksPerRow(cols) * BLOCK_CODES;
  for (let k = 0; k < cols; k++) out[k] = getCode(codes, start + k, format.bits);
}

/** Whether a row's codes lie in memory as a stream of them would: none reaches into the next word, and none pads the row. */
export function isStream({ format, cols }: Pick<PackedWeight, 'format' | 'cols'>): boolean {
  return 32 % format.bits === 0 && cols % BLOCK_CODES === 0;
}

/** Scales `[rows][groups]` in their own type: f16 bits or f32. Throws RangeError for a format whose groups have no such scale. */
export function scaleElements(weight: PackedWeight): Uint16Array | Float32Array {
  const { format, rows, cols, scales } = weight;
  const count = rows * groupsPerRow(format, cols);
  if (format.scaleType !== 'f16' || scales === null)
    return Float32Array.from({ length: count }, (_, i) => scaleAt(weight, i));
  return Uint16Array.from({ length: count }, (_, i) => getBits(scales, i, 16));
}

/** Zero points `[rows][groups]`, unsigned: the middle code where none are stored. */
export function zeroElements(weight: PackedWeight): Uint8Array {
  const count = weight.rows * groupsPerRow(weight.format, weight.cols);
  return Uint8Array.from({ length: count }, (_, i) => zeroAt(weight, i));
}

/** The group of each column. */
export function groupElements(
  { format, cols }: Pick<PackedWeight, 'format' | 'cols'>,
  groupIndex: Uint32Array | null,
): Int32Array {
  const size = format.groupSize ?? cols;
  return Int32Array.from({ length: cols }, (_, k) => groupIndex?.[k] ?? Math.floor(k / size));
}

/** `[rows][cols]` to `[cols][rows]`. */
export function transposedElements<T extends Uint8Array | Uint16Array | Float32Array>(
  values: T,
  cols: number,
): T {
  const rows = values.length / cols;
  const out = values.slice() as T;
  for (let n = 0; n < rows; n++) for (let k = 0; k < cols; k++) out[k * rows + n] = values[n * cols + k];
  return out;
}

import { setBits, wordsFor } from '../../quant/bits.js';
import { FLOAT_FORMATS } from '../../quant/formats.js';
import { packFloat } from '../../quant/pack.js';
import { packBlock } from '../../quant/planes.js';
import {
  BLOCK_CODES,
  blocksPerRow,
  type CodeBits,
  groupsPerRow,
  type PackedWeight,
  type ScaleType,
  type WeightFormat,
  zeroBits,
} from '../../quant/weight.js';
import { type ColumnGroups, orderOf } from './group-index.js';
import { packScales, type Scales } from './scales.js';

/** A matrix of integer codes: W[n][k] = (code − zero) · scale. */
export interface IntegerMatrix {
  readonly rows: number;
  readonly cols: number;
  /** Bits of a code, 2–8. */
  readonly bits: number;
  /** Columns that share a scale; null for one scale per row. */
  readonly groupSize: number | null;
  /** Where the groups' columns do not follow one another, these. */
  readonly groups: ColumnGroups | null;
  /** Writes a row's codes, unsigned, to the front of `out`. */
  readonly readRow: (row: number, out: Uint8Array) => void;
  /** Codes of all rows as the canonical layout has them, where the file has the same. */
  readonly canonical?: (() => Uint32Array) | null;
  readonly scales: Scales;
  /** Where the scale of a group stands among `scales`. */
  readonly scaleIndex: (row: number, group: number) => number;
  /** The code that stands for 0; null for 2^(bits − 1) throughout. */
  readonly zero: ((row: number, group: number) => number) | null;
}

/** What decides how integers lie in memory, known before they are read. */
export interface IntegerShape {
  readonly cols: number;
  readonly bits: number;
  readonly groupSize: number | null;
  readonly scaleType: ScaleType;
  readonly zeroPoints: boolean;
  readonly groups: ColumnGroups | null;
}

/** Codes of 7 bits go into 8. Groups that no integer format has are held as f32. */
export function integerFormat({
  cols,
  bits,
  groupSize,
  scaleType,
  zeroPoints,
  groups,
}: IntegerShape): WeightFormat {
  const whole = groupSize === null || groupSize >= cols;
  if ((groups !== null && groups.order === null) || !(whole || groupSize % BLOCK_CODES === 0))
    return FLOAT_FORMATS.f32;
  const width = integerBits(bits);
  return { reader: `int${width}`, bits: width, groupSize: whole ? null : groupSize, scaleType, zeroPoints };
}

const INTEGER_BITS = [2, 3, 4, 5, 6] as const satisfies readonly CodeBits[];

/** The narrowest codes in memory that hold those of 2–8 bits. */
function integerBits(bits: number): 2 | 3 | 4 | 5 | 6 | 8 {
  return INTEGER_BITS.find((width) => width >= bits) ?? 8;
}

/** The matrix in the format that `integerFormat` gave. */
export function packIntegers(matrix: IntegerMatrix, format: WeightFormat): PackedWeight {
  if (format.scaleType === null) return packFloat(dequantized(matrix), 'f32', matrix.rows, matrix.cols);
  const { rows, cols } = matrix;
  const codes = (isCanonical(matrix, format) ? matrix.canonical?.() : null) ?? packCodes(matrix, format);
  const shape = { rows, groups: groupsPerRow(format, cols) };
  const scales = packScales(matrix.scales, shape, matrix.scaleIndex);
  const packed = { format, rows, cols, codes, scales, zeros: packZeros(matrix, format) };
  return { ...packed, ...orderOf(matrix.groups) };
}

/** A stream of codes and planes of them are the same where no code reaches into the next word. */
function isCanonical({ bits, cols, groups }: IntegerMatrix, format: WeightFormat): boolean {
  return groups === null && bits === format.bits && 32 % bits === 0 && cols % BLOCK_CODES === 0;
}

/** Without stored zero points, codes move so that 2^(format bits − 1) stands for 0. */
function shiftOf({ bits }: IntegerMatrix, format: WeightFormat): number {
  return format.zeroPoints ? 0 : 2 ** (format.bits - 1) - 2 ** (bits - 1);
}

function zeroOf({ zero, bits }: IntegerMatrix, row: number, group: number): number {
  return zero === null ? 2 ** (bits - 1) : zero(row, group);
}

/** `[rows][blocks]` words; the padding of a row is its last group's zero point. */
function packCodes(matrix: IntegerMatrix, format: WeightFormat): Uint32Array {
  const { rows, cols } = matrix;
  const { bits } = format;
  const padded = blocksPerRow(cols) * BLOCK_CODES;
  const shift = shiftOf(matrix, format);
  const lastGroup = groupsPerRow(format, cols) - 1;
  const row = new Uint8Array(padded);
  const order = matrix.groups?.order ?? null;
  const words = new Uint32Array((rows * padded * bits) / 32);
  for (let n = 0, at = 0; n < rows; n++) {
    matrix.readRow(n, row);
    if (order !== null) row.set(Uint8Array.from(order, (k) => row[k]));
    if (padded > cols) row.fill(zeroOf(matrix, n, lastGroup), cols);
    if (shift > 0) for (let k = 0; k < padded; k++) row[k] += shift;
    for (let k = 0; k < padded; k += BLOCK_CODES, at += bits) packBlock(row, k, bits, words, at);
  }
  return words;
}

function packZeros(matrix: IntegerMatrix, format: WeightFormat): Uint32Array | null {
  if (!format.zeroPoints) return null;
  const groups = groupsPerRow(format, matrix.cols);
  const bits = zeroBits(format.bits);
  const words = new Uint32Array(wordsFor(matrix.rows * groups, bits));
  for (let n = 0, at = 0; n < matrix.rows; n++) {
    for (let g = 0; g < groups; g++) setBits(words, at++, bits, zeroOf(matrix, n, g));
  }
  return words;
}

/** `[rows][cols]`; a product of a code and a scale is rounded to f32 once. */
function dequantized(matrix: IntegerMatrix): Float32Array {
  const { rows, cols, scales, scaleIndex, groups } = matrix;
  const groupSize = matrix.groupSize ?? cols;
  const values = new Float32Array(rows * cols);
  const row = new Uint8Array(cols);
  for (let n = 0, at = 0; n < rows; n++) {
    matrix.readRow(n, row);
    for (let k = 0; k < cols; k++) {
      const group = groups === null ? Math.floor(k / groupSize) : groups.index[k];
      values[at++] = (row[k] - zeroOf(matrix, n, group)) * scales.value(scaleIndex(n, group));
    }
  }
  return values;
}

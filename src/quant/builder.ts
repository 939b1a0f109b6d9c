import { setBits, wordsFor } from './bits.js';
import { f16Bits } from './half.js';
import { packBlock } from './planes.js';
import {
  BLOCK_CODES,
  blocksPerRow,
  groupsPerRow,
  type PackedWeight,
  scaleBits,
  type WeightFormat,
  zeroBits,
} from './weight.js';

export interface ScaledWeight extends PackedWeight {
  readonly scales: Uint32Array;
}

/** A weight of zeros in a format of codes with one scale for a group. */
export function allocate(format: WeightFormat, rows: number, cols: number): ScaledWeight {
  const numGroups = rows * groupsPerRow(format, cols);
  const bits = scaleBits(format);
  if ((bits !== 8 && bits !== 16 && bits !== 32) || format.scaleType === 'f16+f16')
    throw new RangeError(`${format.reader} weights have no one scale for a group`);
  return {
    format,
    rows,
    cols,
    codes: new Uint32Array(rows * blocksPerRow(cols) * format.bits),
    scales: new Uint32Array(wordsFor(numGroups, bits)),
    zeros: format.zeroPoints ? new Uint32Array(wordsFor(numGroups, zeroBits(format.bits))) : null,
  };
}

/** Codes of a row, with room for its padding. */
export function rowCodes(cols: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(blocksPerRow(cols) * BLOCK_CODES);
}

/** Writes a row's codes; what is beyond its columns must decode to 0. @param codes as `rowCodes` makes them */
export function packRow({ format, cols, codes: words }: PackedWeight, row: number, codes: Uint8Array): void {
  const blocks = blocksPerRow(cols);
  for (let block = 0; block < blocks; block++) {
    packBlock(codes, block * BLOCK_CODES, format.bits, words, (row * blocks + block) * format.bits);
  }
}

/** Stores the scale of a group, which must be one of its type's numbers. @param index row · groups + group */
export function storeScale({ format, scales }: ScaledWeight, index: number, scale: number): void {
  if (format.scaleType === 'f16') setBits(scales, index, 16, f16Bits(scale));
  else if (format.scaleType === 'e8m0') setBits(scales, index, 8, Math.log2(scale) + 128);
  else new Float32Array(scales.buffer, scales.byteOffset, scales.length)[index] = scale;
}

/** Stores the zero point of a group, where the format has any. */
export function storeZero({ format, zeros }: ScaledWeight, index: number, zero: number): void {
  if (zeros !== null) setBits(zeros, index, zeroBits(format.bits), zero);
}

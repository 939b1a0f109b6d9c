import { getBits } from './bits.js';
import { f16Value } from './half.js';
import { getCode } from './planes.js';
import type { Reader } from './reader.js';
import {
  BLOCK_CODES,
  blocksPerRow,
  type CodeBits,
  groupsPerRow,
  type PackedWeight,
  zeroBits,
} from './weight.js';

/** The exponent of the byte 0 in `e8m0`. */
const E8M0_LEAST = -128;

/** The scale of a group, `index = row · groups + group`. Throws RangeError for formats whose groups have no one scale. */
export function scaleAt({ format, scales }: PackedWeight, index: number): number {
  const { reader, scaleType } = format;
  if (scales === null) throw new RangeError(`${reader} weights have no scales`);
  if (scaleType === 'f16') return f16Value(getBits(scales, index, 16));
  if (scaleType === 'e8m0') return 2 ** (getBits(scales, index, 8) + E8M0_LEAST);
  if (scaleType === 'f32') return new Float32Array(scales.buffer, scales.byteOffset + 4 * index, 1)[0];
  throw new RangeError(`${reader} weights have no single scale for a group`);
}

/** The zero point of a group: the code that stands for 0. */
export function zeroAt({ format, zeros }: PackedWeight, index: number): number {
  const { bits } = format;
  return zeros === null ? 2 ** (bits - 1) : getBits(zeros, index, zeroBits(bits));
}

/** Unsigned codes of `bits` bits with a scale per group: W = (code − zero) · scale. */
export function affineReader(bits: CodeBits): Reader {
  return {
    bits,
    decodeRow(weight, row, out) {
      const groups = groupsPerRow(weight.format, weight.cols);
      const groupSize = weight.format.groupSize ?? weight.cols;
      const rowStart = row * blocksPerRow(weight.cols) * BLOCK_CODES;
      for (let group = 0; group < groups; group++) {
        const scale = scaleAt(weight, row * groups + group);
        const zero = zeroAt(weight, row * groups + group);
        const end = Math.min((group + 1) * groupSize, weight.cols);
        for (let k = group * groupSize; k < end; k++) {
          out[k] = (getCode(weight.codes, rowStart + k, bits) - zero) * scale;
        }
      }
    },
  };
}

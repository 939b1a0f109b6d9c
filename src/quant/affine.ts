import { getBits } from './bits.js';
import { f16Value } from './half.js';
import type { Reader } from './reader.js';
import { BLOCK_CODES, blocksPerRow, groupsPerRow, type PackedWeight } from './weight.js';

/** The scale of a group, `index = row · groups + group`. Formats without scales have none to ask for. */
export function scaleAt(weight: PackedWeight, index: number): number {
  if (weight.scales === null) throw new RangeError(`${weight.format.reader} weights have no scales`);
  if (weight.format.scaleType === 'f16') return f16Value(getBits(weight.scales, index, 16));
  return new Float32Array(weight.scales.buffer, weight.scales.byteOffset + 4 * index, 1)[0];
}

/** The zero point of a group: the code that stands for 0. */
export function zeroAt(weight: PackedWeight, index: number, bits: 4 | 8): number {
  return weight.zeros === null ? 2 ** (bits - 1) : getBits(weight.zeros, index, bits);
}

/** Unsigned codes of `bits` bits with a scale per group: W = (code − zero) · scale. */
export function affineReader(bits: 4 | 8): Reader {
  return {
    bits,
    decodeRow(weight, row, out) {
      const groups = groupsPerRow(weight.format, weight.cols);
      const groupSize = weight.format.groupSize ?? weight.cols;
      const rowStart = row * blocksPerRow(weight.cols) * BLOCK_CODES;
      for (let group = 0; group < groups; group++) {
        const scale = scaleAt(weight, row * groups + group);
        const zero = zeroAt(weight, row * groups + group, bits);
        const end = Math.min((group + 1) * groupSize, weight.cols);
        for (let k = group * groupSize; k < end; k++) {
          out[k] = (getBits(weight.codes, rowStart + k, bits) - zero) * scale;
        }
      }
    },
  };
}

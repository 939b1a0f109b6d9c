import { f16Value } from './half.js';
import { getCode } from './planes.js';
import type { Reader } from './reader.js';
import { BLOCK_CODES, blocksPerRow, type CodeBits, type PackedWeight } from './weight.js';

/** Codes that share scales of two levels, and the words that hold these. */
export const SUPER_CODES = 256;
export const SUPER_WORDS = 5;

/**
 * What the 16 bytes of `super` scales are: `signed`, a factor for each 16 codes, whose zero point is 2^(bits − 1); `nibbles`, for each 16
 * codes a factor and above it one of the minimum; `minimums`, for each 32 codes a factor, then one of the minimum.
 */
export type SuperLayout = 'signed' | 'nibbles' | 'minimums';

/** W = scale · code + offset in a run of codes. */
interface Affine {
  readonly scale: number;
  readonly offset: number;
}

/** Codes with scales of two levels: of f16 for 256 codes, and small integers for 16 or 32 of them. */
export function superReader(bits: CodeBits, layout: SuperLayout): Reader {
  const runLength = layout === 'minimums' ? 32 : 16;
  return {
    bits,
    decodeRow(weight, row, out) {
      const rowStart = row * blocksPerRow(weight.cols) * BLOCK_CODES;
      for (let k = 0; k < weight.cols; k += runLength) {
        const { scale, offset } = affineAt(weight, rowStart + k, layout);
        const end = Math.min(k + runLength, weight.cols);
        for (let i = k; i < end; i++) out[i] = scale * getCode(weight.codes, rowStart + i, bits) + offset;
      }
    },
  };
}

/** @param index of the run's first code, over rows of whole blocks of 256 */
function affineAt(weight: PackedWeight, index: number, layout: SuperLayout): Affine {
  const { scale, minimum, bytes } = superAt(weight, Math.floor(index / SUPER_CODES));
  const within = index % SUPER_CODES;
  if (layout === 'minimums') {
    const run = within / 32;
    return { scale: scale * bytes[2 * run], offset: -minimum * bytes[2 * run + 1] };
  }
  const byte = bytes[within / 16];
  if (layout === 'nibbles') return { scale: scale * (byte & 15), offset: -minimum * (byte >> 4) };
  const factor = scale * signed(byte);
  return { scale: factor, offset: -factor * 2 ** (weight.format.bits - 1) };
}

/** The scale of 32 codes where only 8 signed factors are stored. @param block over all rows */
export function signedScale(weight: PackedWeight, block: number): number {
  const { scale, bytes } = superAt(weight, Math.floor(block / 8));
  return scale * signed(bytes[block % 8]);
}

function superAt({ scales, format }: PackedWeight, index: number) {
  if (scales === null) throw new RangeError(`${format.reader} weights without scales`);
  const word = scales[index * SUPER_WORDS];
  const bytes = new Uint8Array(scales.buffer, scales.byteOffset + 4 * (index * SUPER_WORDS + 1), 16);
  return { scale: f16Value(word & 0xffff), minimum: f16Value(word >>> 16), bytes };
}

function signed(byte: number): number {
  return byte < 128 ? byte : byte - 256;
}

import { FLOAT_FORMATS } from '../../quant/formats.js';
import { packFloat } from '../../quant/pack.js';
import type { PackedWeight, WeightFormat } from '../../quant/weight.js';
import { dequantizeBlocks } from './dequantize.js';
import { type BlockType, GGUF_TYPES } from './types.js';

/** Writes the codes of a block of 32 as words from `to` on. @param at the block's first byte */
type PackCodes = (bytes: Uint8Array, at: number, codes: Uint32Array, to: number) => void;

interface Lossless {
  readonly format: WeightFormat;
  readonly pack: PackCodes;
}

const INT4_G32: WeightFormat = {
  reader: 'int4',
  bits: 4,
  groupSize: 32,
  scaleType: 'f16',
  zeroPoints: false,
};
const INT8_G32: WeightFormat = {
  reader: 'int8',
  bits: 8,
  groupSize: 32,
  scaleType: 'f16',
  zeroPoints: false,
};

/** Types of one f16 scale per 32 codes, which the canonical layout holds as they are. */
const LOSSLESS: ReadonlyMap<BlockType, Lossless> = new Map([
  ['Q4_0', { format: INT4_G32, pack: packQ4 }],
  ['Q5_0', { format: INT8_G32, pack: packQ5 }],
  ['Q8_0', { format: INT8_G32, pack: packQ8 }],
] as const);

/** The format that a type is held in on the device: its own codes where there is a reader for them, else f32. */
export function packedFormat(type: BlockType): WeightFormat {
  return LOSSLESS.get(type)?.format ?? FLOAT_FORMATS.f32;
}

/** Repacks the blocks of a matrix `[rows][cols]`, without changing a weight. */
export function packBlocks(type: BlockType, bytes: Uint8Array, rows: number, cols: number): PackedWeight {
  const lossless = LOSSLESS.get(type);
  if (lossless === undefined) return packFloat(dequantizeBlocks(type, bytes), 'f32', rows, cols);
  const { format, pack } = lossless;
  const blockBytes = GGUF_TYPES[type].bytes;
  const numBlocks = bytes.length / blockBytes;
  const codes = new Uint32Array(numBlocks * format.bits);
  const scales = new Uint32Array(Math.ceil(numBlocks / 2));
  for (let block = 0; block < numBlocks; block++) {
    const at = block * blockBytes;
    scales[block >> 1] |= (bytes[at] | (bytes[at + 1] << 8)) << (16 * (block & 1));
    pack(bytes, at, codes, block * format.bits);
  }
  return { format, rows, cols, codes, scales, zeros: null };
}

/** Bytes 0–7 and 8–15 of the codes hold words 0 and 1 in their low nibbles, 2 and 3 in their high ones. */
function packQ4(bytes: Uint8Array, at: number, codes: Uint32Array, to: number): void {
  for (let half = 0; half < 2; half++) {
    let low = 0;
    let high = 0;
    for (let i = 0; i < 8; i++) {
      const byte = bytes[at + 2 + 8 * half + i];
      low |= (byte & 15) << (4 * i);
      high |= (byte >> 4) << (4 * i);
    }
    codes[to + half] = low;
    codes[to + 2 + half] = high;
  }
}

/** The code that stands for 0 is 16 in the file and 128 here. */
function packQ5(bytes: Uint8Array, at: number, codes: Uint32Array, to: number): void {
  for (let i = 0; i < 32; i++) {
    const byte = bytes[at + 6 + (i & 15)];
    const high = ((bytes[at + 2 + (i >> 3)] >> (i & 7)) & 1) << 4;
    const code = (((i < 16 ? byte : byte >> 4) & 15) | high) + 112;
    codes[to + (i >> 2)] |= code << (8 * (i & 3));
  }
}

/** Flipping the top bit of a signed byte adds 128. */
function packQ8(bytes: Uint8Array, at: number, codes: Uint32Array, to: number): void {
  for (let i = 0; i < 32; i++) codes[to + (i >> 2)] |= (bytes[at + 2 + i] ^ 0x80) << (8 * (i & 3));
}

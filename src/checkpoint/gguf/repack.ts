import { dequantize, STORED_FORMATS } from '../../quant/formats.js';
import { packBlock } from '../../quant/planes.js';
import { BLOCK_CODES, type PackedWeight, scaleBits, type WeightFormat } from '../../quant/weight.js';
import { type BlockType, GGUF_TYPES } from './types.js';
import { UNPACK } from './unpack.js';

const PLAIN = { groupSize: 32, scaleType: 'f16', zeroPoints: false } as const;

/** The format that holds the codes and scales of each type as they are. */
const FORMATS: Readonly<Record<BlockType, WeightFormat>> = {
  Q4_0: { reader: 'int4', bits: 4, ...PLAIN },
  Q5_0: { reader: 'int5', bits: 5, ...PLAIN },
  Q8_0: { reader: 'int8', bits: 8, ...PLAIN },
  Q4_1: STORED_FORMATS.q4_1,
  Q5_1: STORED_FORMATS.q5_1,
  Q2_K: STORED_FORMATS.q2_k,
  Q3_K: STORED_FORMATS.q3_k,
  Q4_K: STORED_FORMATS.q4_k,
  Q5_K: STORED_FORMATS.q5_k,
  Q6_K: STORED_FORMATS.q6_k,
  IQ4_NL: STORED_FORMATS.iq4_nl,
  IQ4_XS: STORED_FORMATS.iq4_xs,
  MXFP4: STORED_FORMATS.mxfp4,
};

/** The format that a type is held in on the device. */
export function packedFormat(type: BlockType): WeightFormat {
  return FORMATS[type];
}

/** Repacks the blocks of a matrix `[rows][cols]`, whose rows are whole blocks, without changing a weight. */
export function packBlocks(type: BlockType, bytes: Uint8Array, rows: number, cols: number): PackedWeight {
  const format = FORMATS[type];
  const { elements, bytes: blockBytes } = GGUF_TYPES[type];
  const unpack = UNPACK[type];
  const numBlocks = (rows * cols) / elements;
  const words = (elements / BLOCK_CODES) * format.bits;
  const codes = new Uint32Array(numBlocks * words);
  const scaleBytes = scaleBits(format) / 8;
  const scales = new Uint32Array(Math.ceil((numBlocks * scaleBytes) / 4));
  const scaleView = new Uint8Array(scales.buffer);
  const block = new Uint8Array(elements);
  for (let i = 0; i < numBlocks; i++) {
    unpack(bytes, i * blockBytes, block, scaleView, i * scaleBytes);
    for (let k = 0; k < elements; k += BLOCK_CODES) {
      packBlock(block, k, format.bits, codes, i * words + (k / BLOCK_CODES) * format.bits);
    }
  }
  return { format, rows, cols, codes, scales, zeros: null };
}

/**
 * Weights of blocks. A code times its scales has at most 24 bits and so is exact in f32; where a minimum is added or subtracted, the sum is
 * rounded to f32 once. Both are what the format's own f32 arithmetic gives, bit by bit.
 */
export function dequantizeBlocks(type: BlockType, bytes: Uint8Array): Float32Array<ArrayBuffer> {
  const { elements, bytes: blockBytes } = GGUF_TYPES[type];
  return dequantize(packBlocks(type, bytes, 1, (bytes.length / blockBytes) * elements));
}

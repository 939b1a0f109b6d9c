import { f16Value } from '../../quant/half.js';
import { type BlockType, GGUF_TYPES } from './types.js';

/** Writes a block's weights to `out` from `to` on. @param at the block's first byte */
type DecodeBlock = (bytes: Uint8Array, at: number, out: Float32Array, to: number) => void;

const IQ4_VALUES = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];
/** Twice the values of FP4 (E2M1): the exponent is one less to make up for it. */
const MXFP4_VALUES = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

/**
 * Weights of blocks, as llama.cpp defines their types. A code times its scales has at most 24 bits and so is exact in f32; where a minimum is
 * added or subtracted, the sum is rounded to f32 once. Both are what the format's own f32 arithmetic gives, bit by bit.
 */
export function dequantizeBlocks(type: BlockType, bytes: Uint8Array): Float32Array<ArrayBuffer> {
  const { elements, bytes: blockBytes } = GGUF_TYPES[type];
  const decode = DECODERS[type];
  const numBlocks = bytes.length / blockBytes;
  const out = new Float32Array(numBlocks * elements);
  for (let block = 0; block < numBlocks; block++) decode(bytes, block * blockBytes, out, block * elements);
  return out;
}

const DECODERS: Readonly<Record<BlockType, DecodeBlock>> = {
  Q4_0: (b, at, out, to) => {
    const d = f16At(b, at);
    for (let i = 0; i < 32; i++) out[to + i] = d * (nibble(b, at + 2, i) - 8);
  },
  Q4_1: (b, at, out, to) => {
    const d = f16At(b, at);
    const min = f16At(b, at + 2);
    for (let i = 0; i < 32; i++) out[to + i] = d * nibble(b, at + 4, i) + min;
  },
  Q5_0: (b, at, out, to) => {
    const d = f16At(b, at);
    for (let i = 0; i < 32; i++) out[to + i] = d * ((nibble(b, at + 6, i) | fifthBit(b, at + 2, i)) - 16);
  },
  Q5_1: (b, at, out, to) => {
    const d = f16At(b, at);
    const min = f16At(b, at + 2);
    for (let i = 0; i < 32; i++) out[to + i] = d * (nibble(b, at + 8, i) | fifthBit(b, at + 4, i)) + min;
  },
  Q8_0: (b, at, out, to) => {
    const d = f16At(b, at);
    for (let i = 0; i < 32; i++) out[to + i] = d * signed(b[at + 2 + i]);
  },
  Q2_K: decodeQ2K,
  Q3_K: decodeQ3K,
  Q4_K: decodeQ4K,
  Q5_K: decodeQ5K,
  Q6_K: decodeQ6K,
  IQ4_NL: (b, at, out, to) => {
    const d = f16At(b, at);
    for (let i = 0; i < 32; i++) out[to + i] = d * IQ4_VALUES[nibble(b, at + 2, i)];
  },
  IQ4_XS: decodeIq4Xs,
  MXFP4: (b, at, out, to) => {
    const scale = 2 ** (b[at] - 128);
    for (let i = 0; i < 32; i++) out[to + i] = scale * MXFP4_VALUES[nibble(b, at + 1, i)];
  },
};

/** u8 scales[16] (low nibble scale, high nibble minimum), qs[64], f16 d, f16 dmin; 16 sub-blocks of 16. */
function decodeQ2K(b: Uint8Array, at: number, out: Float32Array, to: number): void {
  const d = f16At(b, at + 80);
  const dmin = f16At(b, at + 82);
  for (let s = 0; s < 16; s++) {
    const scale = d * (b[at + s] & 15);
    const min = dmin * (b[at + s] >> 4);
    const shift = 2 * ((s >> 1) & 3);
    const codes = at + 16 + 32 * (s >> 3) + 16 * (s & 1);
    for (let i = 0; i < 16; i++) out[to + 16 * s + i] = scale * ((b[codes + i] >> shift) & 3) - min;
  }
}

/** hmask[32], qs[64], scales[12], f16 d; 16 sub-blocks of 16. A bit of the mask that is off takes 4 away. */
function decodeQ3K(b: Uint8Array, at: number, out: Float32Array, to: number): void {
  const d = f16At(b, at + 108);
  for (let s = 0; s < 16; s++) {
    const scale = d * (q3Scale(b, at + 96, s) - 32);
    const shift = 2 * ((s >> 1) & 3);
    const codes = at + 32 + 32 * (s >> 3) + 16 * (s & 1);
    const mask = at + 16 * (s & 1);
    for (let i = 0; i < 16; i++) {
      const high = ((b[mask + i] >> (s >> 1)) & 1) << 2;
      out[to + 16 * s + i] = scale * (((b[codes + i] >> shift) & 3) + high - 4);
    }
  }
}

/** Low 4 bits in bytes 0–7, two per byte, high 2 bits in bytes 8–11, four per byte. */
function q3Scale(b: Uint8Array, at: number, s: number): number {
  const low = s < 8 ? b[at + s] & 15 : b[at + s - 8] >> 4;
  return low | (((b[at + 8 + (s & 3)] >> (2 * (s >> 2))) & 3) << 4);
}

/** f16 d, f16 dmin, scales[12], qs[128]; 8 sub-blocks of 32. */
function decodeQ4K(b: Uint8Array, at: number, out: Float32Array, to: number): void {
  const d = f16At(b, at);
  const dmin = f16At(b, at + 2);
  for (let s = 0; s < 8; s++) {
    const scale = d * kScale(b, at + 4, s);
    const min = dmin * kMin(b, at + 4, s);
    const shift = 4 * (s & 1);
    const codes = at + 16 + 32 * (s >> 1);
    for (let i = 0; i < 32; i++) out[to + 32 * s + i] = scale * ((b[codes + i] >> shift) & 15) - min;
  }
}

/** As Q4_K with qh[32] before qs: bit s of a byte is the fifth bit in sub-block s. */
function decodeQ5K(b: Uint8Array, at: number, out: Float32Array, to: number): void {
  const d = f16At(b, at);
  const dmin = f16At(b, at + 2);
  for (let s = 0; s < 8; s++) {
    const scale = d * kScale(b, at + 4, s);
    const min = dmin * kMin(b, at + 4, s);
    const shift = 4 * (s & 1);
    const codes = at + 48 + 32 * (s >> 1);
    for (let i = 0; i < 32; i++) {
      const high = ((b[at + 16 + i] >> s) & 1) << 4;
      out[to + 32 * s + i] = scale * (((b[codes + i] >> shift) & 15) | high) - min;
    }
  }
}

/** ql[128], qh[64], i8 scales[16], f16 d; per 128 weights four runs of 32, of which two share the bytes of ql. */
function decodeQ6K(b: Uint8Array, at: number, out: Float32Array, to: number): void {
  const d = f16At(b, at + 208);
  for (let s = 0; s < 16; s++) {
    const scale = d * signed(b[at + 192 + s]);
    const run = (s >> 1) & 3;
    const low = at + 64 * (s >> 3) + 32 * (run & 1) + 16 * (s & 1);
    const high = at + 128 + 32 * (s >> 3) + 16 * (s & 1);
    for (let i = 0; i < 16; i++) {
      const code = ((b[low + i] >> (4 * (run >> 1))) & 15) | (((b[high + i] >> (2 * run)) & 3) << 4);
      out[to + 16 * s + i] = scale * (code - 32);
    }
  }
}

/** f16 d, u16 high bits of the scales, u8 low[4], qs[128]; 8 sub-blocks of 32. */
function decodeIq4Xs(b: Uint8Array, at: number, out: Float32Array, to: number): void {
  const d = f16At(b, at);
  const highs = b[at + 2] | (b[at + 3] << 8);
  for (let s = 0; s < 8; s++) {
    const low = (b[at + 4 + (s >> 1)] >> (4 * (s & 1))) & 15;
    const scale = d * ((low | (((highs >> (2 * s)) & 3) << 4)) - 32);
    for (let i = 0; i < 32; i++) {
      out[to + 32 * s + i] = scale * IQ4_VALUES[nibble(b, at + 8 + 16 * s, i)];
    }
  }
}

function f16At(b: Uint8Array, at: number): number {
  return f16Value(b[at] | (b[at + 1] << 8));
}

/** Code i of 32: the low nibbles of 16 bytes, then their high nibbles. */
function nibble(b: Uint8Array, at: number, i: number): number {
  return i < 16 ? b[at + i] & 15 : b[at + i - 16] >> 4;
}

/** Bit i of a u32, as bit 4. */
function fifthBit(b: Uint8Array, at: number, i: number): number {
  return ((b[at + (i >> 3)] >> (i & 7)) & 1) << 4;
}

function signed(byte: number): number {
  return byte < 128 ? byte : byte - 256;
}

/** Scale j of the 8 six-bit ones in 12 bytes. */
function kScale(b: Uint8Array, at: number, j: number): number {
  return j < 4 ? b[at + j] & 63 : (b[at + j + 4] & 15) | ((b[at + j - 4] >> 6) << 4);
}

/** Minimum j beside it. */
function kMin(b: Uint8Array, at: number, j: number): number {
  return j < 4 ? b[at + j + 4] & 63 : (b[at + j + 4] >> 4) | ((b[at + j] >> 6) << 4);
}

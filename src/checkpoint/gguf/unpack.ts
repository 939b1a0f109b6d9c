import type { BlockType } from './types.js';

/**
 * Takes a block apart: its codes, in order, to the front of `codes`, and what the canonical layout keeps of its scales to `scales` from
 * `to` on, little-endian. @param at the block's first byte
 */
export type Unpack = (
  bytes: Uint8Array,
  at: number,
  codes: Uint8Array,
  scales: Uint8Array,
  to: number,
) => void;

/** Every type's blocks, as llama.cpp defines them. */
export const UNPACK: Readonly<Record<BlockType, Unpack>> = {
  Q4_0: simple(2, (b, at, codes) => nibbles(b, at + 2, codes, 0, 16)),
  Q4_1: simple(4, (b, at, codes) => nibbles(b, at + 4, codes, 0, 16)),
  Q5_0: simple(2, (b, at, codes) => {
    nibbles(b, at + 6, codes, 0, 16);
    fifthBits(b, at + 2, codes);
  }),
  Q5_1: simple(4, (b, at, codes) => {
    nibbles(b, at + 8, codes, 0, 16);
    fifthBits(b, at + 4, codes);
  }),
  Q8_0: simple(2, (b, at, codes) => {
    // Flipping the top bit of a signed byte adds 128.
    for (let i = 0; i < 32; i++) codes[i] = b[at + 2 + i] ^ 0x80;
  }),
  Q2_K: unpackQ2K,
  Q3_K: unpackQ3K,
  Q4_K: unpackQ4K,
  Q5_K: unpackQ5K,
  Q6_K: unpackQ6K,
  IQ4_NL: simple(2, (b, at, codes) => nibbles(b, at + 2, codes, 0, 16)),
  IQ4_XS: unpackIq4Xs,
  MXFP4: simple(1, (b, at, codes) => nibbles(b, at + 1, codes, 0, 16)),
};

/** A block of 32 that begins with `size` bytes of scales. */
function simple(size: number, unpack: (bytes: Uint8Array, at: number, codes: Uint8Array) => void): Unpack {
  return (bytes, at, codes, scales, to) => {
    for (let i = 0; i < size; i++) scales[to + i] = bytes[at + i];
    unpack(bytes, at, codes);
  };
}

/** The low nibbles of `count` bytes, then their high nibbles. */
function nibbles(b: Uint8Array, at: number, codes: Uint8Array, to: number, count: number): void {
  for (let i = 0; i < count; i++) {
    const byte = b[at + i];
    codes[to + i] = byte & 15;
    codes[to + count + i] = byte >> 4;
  }
}

/** Bit i of a u32 is bit 4 of code i. */
function fifthBits(b: Uint8Array, at: number, codes: Uint8Array): void {
  for (let i = 0; i < 32; i++) codes[i] |= ((b[at + (i >> 3)] >> (i & 7)) & 1) << 4;
}

/** u8 scales[16] (low nibble scale, high nibble minimum), qs[64], f16 d, f16 dmin. */
function unpackQ2K(b: Uint8Array, at: number, codes: Uint8Array, scales: Uint8Array, to: number): void {
  copy(b, at + 80, 4, scales, to);
  copy(b, at, 16, scales, to + 4);
  pairs(b, at + 16, codes);
}

/** Two bits of 256 codes in 64 bytes: those of 128 codes in 32, the first 32 of them lowest. */
function pairs(b: Uint8Array, at: number, codes: Uint8Array): void {
  for (let k = 0; k < 256; k++) {
    codes[k] = (b[at + 32 * (k >> 7) + (k & 31)] >> (2 * ((k >> 5) & 3))) & 3;
  }
}

/** hmask[32], qs[64], scales[12], f16 d; 16 scales, less 32. A bit of the mask that is off takes 4 away, so codes are around 4. */
function unpackQ3K(b: Uint8Array, at: number, codes: Uint8Array, scales: Uint8Array, to: number): void {
  copy(b, at + 108, 2, scales, to);
  for (let s = 0; s < 16; s++) scales[to + 4 + s] = q3Scale(b, at + 96, s) - 32;
  pairs(b, at + 32, codes);
  for (let k = 0; k < 256; k++) codes[k] |= ((b[at + (k & 31)] >> (k >> 5)) & 1) << 2;
}

/** Low 4 bits in bytes 0–7, two per byte, high 2 bits in bytes 8–11, four per byte. */
function q3Scale(b: Uint8Array, at: number, s: number): number {
  const low = s < 8 ? b[at + s] & 15 : b[at + s - 8] >> 4;
  return low | (((b[at + 8 + (s & 3)] >> (2 * (s >> 2))) & 3) << 4);
}

/** f16 d, f16 dmin, scales[12], qs[128]: 32 bytes for each 64 codes. */
function unpackQ4K(b: Uint8Array, at: number, codes: Uint8Array, scales: Uint8Array, to: number): void {
  kScales(b, at, scales, to);
  for (let i = 0; i < 4; i++) nibbles(b, at + 16 + 32 * i, codes, 64 * i, 32);
}

/** As Q4_K with qh[32] before qs: bit s of a byte is the fifth bit in sub-block s. */
function unpackQ5K(b: Uint8Array, at: number, codes: Uint8Array, scales: Uint8Array, to: number): void {
  kScales(b, at, scales, to);
  for (let i = 0; i < 4; i++) nibbles(b, at + 48 + 32 * i, codes, 64 * i, 32);
  for (let k = 0; k < 256; k++) codes[k] |= ((b[at + 16 + (k & 31)] >> (k >> 5)) & 1) << 4;
}

/** Both f16, then 8 scales and 8 minimums, of 6 bits each in 12 bytes: kept in pairs. */
function kScales(b: Uint8Array, at: number, scales: Uint8Array, to: number): void {
  copy(b, at, 4, scales, to);
  const [from, out] = [at + 4, to + 4];
  for (let j = 0; j < 4; j++) {
    const [scale, minimum, both] = [b[from + j], b[from + 4 + j], b[from + 8 + j]];
    scales[out + 2 * j] = scale & 63;
    scales[out + 2 * j + 1] = minimum & 63;
    scales[out + 8 + 2 * j] = (both & 15) | ((scale >> 6) << 4);
    scales[out + 9 + 2 * j] = (both >> 4) | ((minimum >> 6) << 4);
  }
}

/** ql[128], qh[64], i8 scales[16], f16 d; per 128 codes four runs of 32, of which two share the bytes of ql. */
function unpackQ6K(b: Uint8Array, at: number, codes: Uint8Array, scales: Uint8Array, to: number): void {
  copy(b, at + 208, 2, scales, to);
  copy(b, at + 192, 16, scales, to + 4);
  for (let half = 0; half < 2; half++) {
    nibbles(b, at + 64 * half, codes, 128 * half, 64);
    const high = at + 128 + 32 * half;
    for (let k = 0; k < 128; k++) {
      codes[128 * half + k] |= ((b[high + (k & 31)] >> (2 * (k >> 5))) & 3) << 4;
    }
  }
}

/** f16 d, u16 high bits of the scales, u8 low[4], qs[128]; 8 scales, less 32. */
function unpackIq4Xs(b: Uint8Array, at: number, codes: Uint8Array, scales: Uint8Array, to: number): void {
  copy(b, at, 2, scales, to);
  const highs = b[at + 2] | (b[at + 3] << 8);
  for (let s = 0; s < 8; s++) {
    const low = (b[at + 4 + (s >> 1)] >> (4 * (s & 1))) & 15;
    scales[to + 4 + s] = (low | (((highs >> (2 * s)) & 3) << 4)) - 32;
    nibbles(b, at + 8 + 16 * s, codes, 32 * s, 16);
  }
}

function copy(b: Uint8Array, at: number, count: number, out: Uint8Array, to: number): void {
  for (let i = 0; i < count; i++) out[to + i] = b[at + i];
}

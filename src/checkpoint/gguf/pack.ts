import { getCode } from '../../quant/planes.js';
import { BLOCK_CODES, type PackedWeight, scaleBits } from '../../quant/weight.js';
import { GGUF_TYPES } from './types.js';

/** Types whose blocks are written. */
export type WrittenType = 'Q4_0' | 'Q5_0' | 'Q5_1' | 'Q8_0' | 'Q4_K' | 'Q5_K' | 'Q6_K';

/** Puts a block together: from its codes and its scales as the canonical layout has them, to the bytes of the block. The reverse of `Unpack`. */
type Pack = (codes: Uint8Array, scales: Uint8Array, out: Uint8Array) => void;

const PACK: Readonly<Record<WrittenType, Pack>> = {
  Q4_0: (codes, scales, out) => {
    out.set(scales);
    nibbles(codes, 0, 16, out, 2);
  },
  Q5_0: (codes, scales, out) => {
    out.set(scales);
    fifthBits(codes, out, 2);
    nibbles(codes, 0, 16, out, 6);
  },
  Q5_1: (codes, scales, out) => {
    out.set(scales);
    fifthBits(codes, out, 4);
    nibbles(codes, 0, 16, out, 8);
  },
  Q8_0: (codes, scales, out) => {
    out.set(scales);
    for (let i = 0; i < 32; i++) out[2 + i] = codes[i] ^ 0x80;
  },
  Q4_K: (codes, scales, out) => {
    kScales(scales, out);
    for (let i = 0; i < 4; i++) nibbles(codes, 64 * i, 32, out, 16 + 32 * i);
  },
  Q5_K: (codes, scales, out) => {
    kScales(scales, out);
    for (let k = 0; k < 256; k++) out[16 + (k & 31)] |= ((codes[k] >> 4) & 1) << (k >> 5);
    for (let i = 0; i < 4; i++) nibbles(codes, 64 * i, 32, out, 48 + 32 * i);
  },
  Q6_K: packQ6K,
};

export const WRITTEN_TYPES: readonly WrittenType[] = Object.keys(PACK) as WrittenType[];

export function isWrittenType(type: string): type is WrittenType {
  return Object.hasOwn(PACK, type);
}

/** The blocks of a matrix `[rows][cols]` as a GGUF file has them; `packBlocks` reads them back to the same codes and scales. */
export function blockBytes(type: WrittenType, { format, codes, scales }: PackedWeight): Uint8Array {
  if (scales === null) throw new RangeError(`${type} without scales`);
  const { elements, bytes } = GGUF_TYPES[type];
  const pack = PACK[type];
  const numBlocks = ((codes.length / format.bits) * BLOCK_CODES) / elements;
  const scaleBytes = scaleBits(format) / 8;
  const scaleView = new Uint8Array(scales.buffer, scales.byteOffset, scales.byteLength);
  const out = new Uint8Array(numBlocks * bytes);
  const block = new Uint8Array(elements);
  for (let i = 0; i < numBlocks; i++) {
    for (let k = 0; k < elements; k++) block[k] = getCode(codes, i * elements + k, format.bits);
    const own = scaleView.subarray(i * scaleBytes, (i + 1) * scaleBytes);
    pack(block, own, out.subarray(i * bytes, (i + 1) * bytes));
  }
  return out;
}

/** `count` codes in the low nibbles of as many bytes, and as many more in the high ones. */
function nibbles(codes: Uint8Array, from: number, count: number, out: Uint8Array, at: number): void {
  for (let i = 0; i < count; i++)
    out[at + i] = (codes[from + i] & 15) | ((codes[from + count + i] & 15) << 4);
}

function fifthBits(codes: Uint8Array, out: Uint8Array, at: number): void {
  for (let i = 0; i < 32; i++) out[at + (i >> 3)] |= ((codes[i] >> 4) & 1) << (i & 7);
}

/** Pairs of a scale and a minimum of 6 bits into 12 bytes, after both f16. */
function kScales(scales: Uint8Array, out: Uint8Array): void {
  out.set(scales.subarray(0, 4));
  for (let j = 0; j < 4; j++) {
    const [scale, minimum] = [scales[4 + 2 * j], scales[5 + 2 * j]];
    const [laterScale, laterMinimum] = [scales[12 + 2 * j], scales[13 + 2 * j]];
    out[4 + j] = scale | ((laterScale >> 4) << 6);
    out[8 + j] = minimum | ((laterMinimum >> 4) << 6);
    out[12 + j] = (laterScale & 15) | ((laterMinimum & 15) << 4);
  }
}

function packQ6K(codes: Uint8Array, scales: Uint8Array, out: Uint8Array): void {
  for (let half = 0; half < 2; half++) {
    nibbles(codes, 128 * half, 64, out, 64 * half);
    const high = 128 + 32 * half;
    for (let k = 0; k < 128; k++) out[high + (k & 31)] |= (codes[128 * half + k] >> 4) << (2 * (k >> 5));
  }
  out.set(scales.subarray(4, 20), 192);
  out.set(scales.subarray(0, 2), 208);
}

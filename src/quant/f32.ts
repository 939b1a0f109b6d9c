import type { Reader } from './reader.js';
import { BLOCK_CODES, blocksPerRow } from './weight.js';

/** One f32 per word. */
export const f32: Reader = {
  bits: 32,
  decodeRow(weight, row, out) {
    const { buffer, byteOffset, length } = weight.codes;
    const values = new Float32Array(buffer, byteOffset, length);
    const start = row * blocksPerRow(weight.cols) * BLOCK_CODES;
    for (let k = 0; k < weight.cols; k++) out[k] = values[start + k];
  },
};

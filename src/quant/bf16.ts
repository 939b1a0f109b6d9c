import { bf16ToF32 } from './half.js';
import type { Reader } from './reader.js';
import { BLOCK_CODES, blocksPerRow } from './weight.js';

/** Two bfloat16 per word, low half first. */
export const bf16: Reader = {
  bits: 16,
  decodeRow(weight, row, out) {
    const start = row * blocksPerRow(weight.cols) * BLOCK_CODES;
    const halves = new Uint16Array(weight.codes.buffer, weight.codes.byteOffset + 2 * start, weight.cols);
    const values = new Float32Array(weight.cols);
    bf16ToF32(halves, values);
    out.set(values);
  },
};

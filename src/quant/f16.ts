import { getBits } from './bits.js';
import { f16Value } from './half.js';
import type { Reader } from './reader.js';
import { BLOCK_CODES, blocksPerRow } from './weight.js';

/** Two IEEE binary16 per word, low half first. */
export const f16: Reader = {
  bits: 16,
  decodeRow(weight, row, out) {
    const start = row * blocksPerRow(weight.cols) * BLOCK_CODES;
    for (let k = 0; k < weight.cols; k++) out[k] = f16Value(getBits(weight.codes, start + k, 16));
  },
};

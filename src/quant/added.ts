import { f16Value } from './half.js';
import { getCode } from './planes.js';
import type { Reader } from './reader.js';
import { BLOCK_CODES, blocksPerRow, type CodeBits } from './weight.js';

/** Codes with a scale and what is added, both f16, for each 32: W = scale · code + added. */
export function addedReader(bits: CodeBits): Reader {
  return {
    bits,
    decodeRow(weight, row, out) {
      const blocks = blocksPerRow(weight.cols);
      const scales = weight.scales ?? new Uint32Array();
      for (let k = 0; k < weight.cols; k++) {
        const word = scales[row * blocks + Math.floor(k / BLOCK_CODES)];
        const code = getCode(weight.codes, row * blocks * BLOCK_CODES + k, bits);
        out[k] = f16Value(word & 0xffff) * code + f16Value(word >>> 16);
      }
    },
  };
}

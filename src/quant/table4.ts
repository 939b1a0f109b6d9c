import { scaleAt } from './affine.js';
import { getCode } from './planes.js';
import type { Reader } from './reader.js';
import { signedScale } from './super.js';
import { TABLES } from './tables.js';
import { BLOCK_CODES, blocksPerRow, groupsPerRow, type PackedWeight } from './weight.js';

/** 8 codes of 4 bits per word, low bits first, that stand for the entries of the format's table: W = table[code] · scale. */
export const table4: Reader = {
  bits: 4,
  decodeRow(weight, row, out) {
    const { table: name } = weight.format;
    if (name === undefined) throw new RangeError('codes without a table');
    const table = TABLES[name];
    const blocks = blocksPerRow(weight.cols);
    for (let block = 0; block < blocks; block++) {
      const scale = blockScale(weight, row, block);
      const end = Math.min((block + 1) * BLOCK_CODES, weight.cols);
      for (let k = block * BLOCK_CODES; k < end; k++) {
        out[k] = table[getCode(weight.codes, row * blocks * BLOCK_CODES + k, 4)] * scale;
      }
    }
  },
};

function blockScale(weight: PackedWeight, row: number, block: number): number {
  const { format, cols } = weight;
  if (format.scaleType === 'super') return signedScale(weight, row * blocksPerRow(cols) + block);
  const group = Math.floor((block * BLOCK_CODES) / (format.groupSize ?? cols));
  return scaleAt(weight, row * groupsPerRow(format, cols) + group);
}

import { f16Bits } from './half.js';
import { packBlock } from './planes.js';
import { BLOCK_CODES, type PackedWeight, scaleBits } from './weight.js';

/** The numbers of a block, and room for what becomes of them. */
export interface Block {
  readonly values: Float32Array;
  /** Of the block's first number. */
  readonly start: number;
  /** How much the squared error of each matters, at `values`' places within a row; null where all matter alike. */
  readonly importance: Float64Array | null;
  /** Of the block's first number in its row. */
  readonly column: number;
  /** Takes the block's codes, in order, from the front on. */
  readonly codes: Uint8Array;
}

/** Chooses the codes of a block; writes its scales, as the canonical layout has them, at a byte. */
export type BlockFit = (block: Block, scales: DataView, at: number) => void;

/**
 * Rounds a matrix `[rows][cols]` block by block. @param size numbers in a block, a multiple of 32 that divides `cols`
 * @param importance `[cols]`
 */
export function roundBlocks(
  values: Float32Array,
  { rows, cols, format }: Pick<PackedWeight, 'rows' | 'cols' | 'format'>,
  { size, fit }: BlockRounding,
  importance: Float64Array | null,
): PackedWeight {
  const numBlocks = (rows * cols) / size;
  const scaleBytes = scaleBits(format) / 8;
  const words = (size / BLOCK_CODES) * format.bits;
  const codes = new Uint32Array(numBlocks * words);
  const scales = new Uint32Array(Math.ceil((numBlocks * scaleBytes) / 4));
  const view = new DataView(scales.buffer);
  const blockCodes = new Uint8Array(size);
  for (let i = 0; i < numBlocks; i++) {
    const start = i * size;
    fit({ values, start, importance, column: start % cols, codes: blockCodes }, view, i * scaleBytes);
    for (let k = 0; k < size; k += BLOCK_CODES)
      packBlock(blockCodes, k, format.bits, codes, i * words + (k / BLOCK_CODES) * format.bits);
  }
  return { format, rows, cols, codes, scales, zeros: null };
}

/** A way to round blocks of one size. */
export interface BlockRounding {
  readonly size: number;
  readonly fit: BlockFit;
}

/**
 * Codes around a middle one, whose number of largest magnitude is the least code (Q4_0, Q5_0). All is computed in f32, and codes by the scale
 * before it is rounded to f16, as GGUF's reference does: the codes are the same, bit by bit.
 */
export function middleRounding(bits: 4 | 5): BlockRounding {
  const middle = 2 ** (bits - 1);
  const fit: BlockFit = (block, scales, at) => {
    const scale = Math.fround(extremeOf(block) / -middle);
    const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
    setScale(scales, at, scale);
    for (let i = 0; i < BLOCK_CODES; i++) {
      const turned = Math.fround(Math.fround(block.values[block.start + i] * inverse) + middle + 0.5);
      block.codes[i] = Math.min(2 * middle - 1, Math.trunc(turned));
    }
  };
  return { size: BLOCK_CODES, fit };
}

/** Signed bytes whose largest magnitude is 127 (Q8_0), halves away from zero; bit by bit as the reference, as above. */
export const BYTE_ROUNDING: BlockRounding = {
  size: BLOCK_CODES,
  fit: (block, scales, at) => {
    const scale = Math.fround(Math.abs(extremeOf(block)) / 127);
    const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
    setScale(scales, at, scale);
    for (let i = 0; i < BLOCK_CODES; i++) {
      const x = Math.fround(block.values[block.start + i] * inverse);
      block.codes[i] = 128 + Math.sign(x) * Math.floor(Math.abs(x) + 0.5);
    }
  },
};

/** From the least number to the greatest, scale and least number in f16 (Q5_1); bit by bit as the reference, as above. */
export const SPAN_ROUNDING: BlockRounding = {
  size: BLOCK_CODES,
  fit: ({ values, start, codes }, scales, at) => {
    let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let i = start; i < start + BLOCK_CODES; i++) {
      if (values[i] < min) min = values[i];
      if (values[i] > max) max = values[i];
    }
    const scale = Math.fround(Math.fround(max - min) / 31);
    const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
    setScale(scales, at, scale);
    setScale(scales, at + 2, min);
    for (let i = 0; i < BLOCK_CODES; i++)
      codes[i] = Math.trunc(Math.fround(Math.fround(Math.fround(values[start + i] - min) * inverse) + 0.5));
  },
};

/** The first number of largest magnitude. */
function extremeOf({ values, start }: Block): number {
  let extreme = 0;
  for (let i = start; i < start + BLOCK_CODES; i++) {
    if (Math.abs(values[i]) > Math.abs(extreme)) extreme = values[i];
  }
  return extreme;
}

function setScale(scales: DataView, at: number, scale: number): void {
  scales.setUint16(at, f16Bits(scale), true);
}

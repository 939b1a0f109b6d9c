import { type ElementBits, getBits } from './bits.js';
import { BLOCK_CODES, type CodeBits } from './weight.js';

/** Some bits of every code of a block: `width` of them from `shift` on, in as many words of their own from `word` on, low bits first. */
interface Plane {
  readonly width: ElementBits;
  readonly shift: number;
  readonly word: number;
}

/**
 * A block of 32 codes of b bits lies in b words, one plane for each binary digit of b, the widest first and of the lowest bits: 6 bits are a
 * plane of 4 and one of 2. So no code reaches into the next word, and codes of 2, 4, 8, 16 and 32 bits just follow one another.
 */
const PLANES: Readonly<Record<CodeBits, readonly Plane[]>> = {
  2: planesOf(2),
  3: planesOf(2, 1),
  4: planesOf(4),
  5: planesOf(4, 1),
  6: planesOf(4, 2),
  8: planesOf(8),
  16: planesOf(16),
  32: planesOf(32),
};

/** Widths add up, and so do words, of which a plane has as many as bits. */
function planesOf(...widths: readonly ElementBits[]): readonly Plane[] {
  return widths.map((width, i) => {
    const before = widths.slice(0, i).reduce((sum, other) => sum + other, 0);
    return { width, shift: before, word: before };
  });
}

/** The code at `index` of rows that are padded to whole blocks. */
export function getCode(words: Uint32Array, index: number, bits: CodeBits): number {
  const block = Math.floor(index / BLOCK_CODES);
  let code = 0;
  for (const { width, shift, word } of PLANES[bits]) {
    const first = (block * bits + word) * (32 / width);
    code |= getBits(words, first + (index % BLOCK_CODES), width) << shift;
  }
  return code >>> 0;
}

/** The one plane of 4 bits, written out: it is what rounding to 4 bits spends its time in. */
function packNibbles(codes: Uint8Array, from: number, words: Uint32Array, to: number): void {
  for (let w = 0, k = from; w < 4; w++, k += 8) {
    const low = codes[k] | (codes[k + 1] << 4) | (codes[k + 2] << 8) | (codes[k + 3] << 12);
    const high = codes[k + 4] | (codes[k + 5] << 4) | (codes[k + 6] << 8) | (codes[k + 7] << 12);
    words[to + w] = low | (high << 16);
  }
}

/** Writes the 32 codes from `from` on as the block whose first word is `to`. Each must fit `bits`, up to 8. */
export function packBlock(
  codes: Uint8Array,
  from: number,
  bits: CodeBits,
  words: Uint32Array,
  to: number,
): void {
  if (bits === 4) {
    packNibbles(codes, from, words, to);
    return;
  }
  const planes = PLANES[bits];
  for (let p = 0; p < planes.length; p++) {
    const { width, shift, word } = planes[p];
    const mask = (1 << width) - 1;
    const perWord = 32 / width;
    for (let w = 0, k = from; w < width; w++) {
      let packed = 0;
      for (let i = 0; i < perWord; i++, k++) packed |= ((codes[k] >> shift) & mask) << (i * width);
      words[to + word + w] = packed;
    }
  }
}

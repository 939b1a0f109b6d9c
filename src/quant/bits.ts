/** Arrays of 1 to 32-bit elements packed into u32 words, low bits first over the flat index. */

export type ElementBits = 1 | 2 | 4 | 8 | 16 | 32;

/** Words that hold `count` elements, the last one padded. */
export function wordsFor(count: number, bits: ElementBits): number {
  return Math.ceil((count * bits) / 32);
}

export function getBits(words: Uint32Array, index: number, bits: ElementBits): number {
  if (bits === 32) return words[index];
  const perWord = 32 / bits;
  return (words[Math.floor(index / perWord)] >>> ((index % perWord) * bits)) & ((1 << bits) - 1);
}

/** `value` must fit `bits`. */
export function setBits(words: Uint32Array, index: number, bits: ElementBits, value: number): void {
  if (bits === 32) {
    words[index] = value;
    return;
  }
  const perWord = 32 / bits;
  const word = Math.floor(index / perWord);
  const shift = (index % perWord) * bits;
  words[word] = (words[word] & ~(((1 << bits) - 1) << shift)) | (value << shift);
}

/** Elements `start … start + count − 1` of an array. */
export interface BitRange {
  readonly words: Uint32Array;
  readonly start: number;
  readonly count: number;
}

/** Copies a range to the elements from `outStart` on; whole words at once where both sides start on a word. */
export function copyBits(range: BitRange, out: Uint32Array, outStart: number, bits: ElementBits): void {
  const { words, start, count } = range;
  const perWord = 32 / bits;
  const aligned = start % perWord === 0 && outStart % perWord === 0;
  const numWords = aligned ? Math.floor(count / perWord) : 0;
  const first = start / perWord;
  if (numWords > 0) out.set(words.subarray(first, first + numWords), outStart / perWord);
  for (let i = numWords * perWord; i < count; i++) {
    setBits(out, outStart + i, bits, getBits(words, start + i, bits));
  }
}

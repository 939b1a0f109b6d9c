/** How codes that are narrower than a word lie in words, low bits first. */
export interface CodePacking {
  /** 2–8. */
  readonly bits: number;
  /** Codes of a word where none reaches into the next; null for a stream without gaps. */
  readonly perWord: number | null;
}

/** Words that hold `count` codes. */
export function packedWords(count: number, { bits, perWord }: CodePacking): number {
  return Math.ceil(perWord === null ? (count * bits) / 32 : count / perWord);
}

/** A line of codes in a matrix of words: word w stands at `start + w · stride`. */
export interface CodeLine {
  readonly words: Uint32Array;
  readonly start: number;
  readonly stride: number;
}

/** The code at `index` of a line, unsigned. */
export function codeAt(
  words: Uint32Array,
  start: number,
  stride: number,
  index: number,
  packing: CodePacking,
): number {
  const { bits, perWord } = packing;
  const mask = (1 << bits) - 1;
  if (perWord !== null) {
    const word = words[start + Math.floor(index / perWord) * stride];
    return (word >>> ((index % perWord) * bits)) & mask;
  }
  const bit = index * bits;
  const at = start + (bit >>> 5) * stride;
  const shift = bit & 31;
  const low = words[at] >>> shift;
  const high = shift + bits > 32 ? words[at + stride] << (32 - shift) : 0;
  return (low | high) & mask;
}

/** Writes the first `count` codes of a line to the front of `out`. */
export function unpackLine(
  { words, start, stride }: CodeLine,
  packing: CodePacking,
  count: number,
  out: Uint8Array,
): void {
  for (let i = 0; i < count; i++) out[i] = codeAt(words, start, stride, i, packing);
}

/** Words whose bytes have their nibbles the other way round. */
export function swapNibbles(words: Uint32Array): Uint32Array {
  return words.map((word) => ((word & 0x0f0f0f0f) << 4) | ((word >>> 4) & 0x0f0f0f0f));
}

/** Writes codes that fit `bits` as a line whose words are 0 yet. */
export function packLine({ words, start, stride }: CodeLine, packing: CodePacking, codes: Uint8Array): void {
  const { bits, perWord } = packing;
  for (let i = 0; i < codes.length; i++) {
    const bit = perWord === null ? i * bits : Math.floor(i / perWord) * 32 + (i % perWord) * bits;
    const at = start + (bit >>> 5) * stride;
    const shift = bit & 31;
    words[at] |= codes[i] << shift;
    if (shift + bits > 32) words[at + stride] |= codes[i] >>> (32 - shift);
  }
}

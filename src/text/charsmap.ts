/** The first 31 bits of a leaf are its value; the label of a node has the 32nd bit too, which is set in leaves alone. */
const VALUE = 0x7fff_ffff;
const LABEL = 0x8000_00ff;

/** Longer graphemes are never looked up whole, bytes of UTF-8. */
const MAX_GRAPHEME_BYTES = 5;

/** UTF-16 units that are cut into graphemes at once: over a long text the segmenter takes quadratic time. */
const WINDOW = 256;
/** Each character is a grapheme. */
const PLAIN_ASCII = /^[ -~\n\t]+$/;

/** Graphemes whose replacements are kept. */
const MAX_KNOWN = 4096;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * SentencePiece's table of characters and what they become, as Hugging Face's tokenizers apply it: to each grapheme that is short enough, else to
 * each of its characters. The table is a double-array trie (darts-clone) over UTF-8, whose values are offsets into texts that end in a zero.
 */
export class Charsmap {
  readonly #trie: Uint32Array;
  readonly #texts: Uint8Array;
  readonly #known = new Map<string, string>();
  readonly #segmenter = new Intl.Segmenter('und', { granularity: 'grapheme' });

  /** @param base64 `precompiled_charsmap` of tokenizer.json: the trie's bytes, u32, then the trie, then the texts. @throws Error where it is cut off */
  constructor(base64: string) {
    const bytes = Buffer.from(base64, 'base64');
    const trieBytes = bytes.length < 4 ? 0 : bytes.readUInt32LE(0);
    if (trieBytes === 0 || trieBytes % 4 !== 0 || 4 + trieBytes > bytes.length)
      throw new Error('precompiled_charsmap is cut off');
    this.#trie = Uint32Array.from({ length: trieBytes / 4 }, (_, i) => bytes.readUInt32LE(4 + 4 * i));
    this.#texts = bytes.subarray(4 + trieBytes);
  }

  normalize(text: string): string {
    let result = '';
    for (let at = 0; at < text.length; ) {
      const graphemes = this.#graphemesAt(text, at);
      result += graphemes.map((grapheme) => this.#replacement(grapheme)).join('');
      at += graphemes.reduce((sum, { length }) => sum + length, 0);
    }
    return result;
  }

  /** The next ones. The last of a window may go on beyond it, so it is left to the next, unless it is all there is. */
  #graphemesAt(text: string, at: number): readonly string[] {
    const window = text.slice(at, at + WINDOW);
    if (at + window.length < text.length && PLAIN_ASCII.test(window)) return [...window.slice(0, -1)];
    const graphemes = Array.from(this.#segmenter.segment(window), ({ segment }) => segment);
    const isCut = at + window.length < text.length && graphemes.length > 1;
    return isCut ? graphemes.slice(0, -1) : graphemes;
  }

  #replacement(grapheme: string): string {
    const known = this.#known.get(grapheme);
    if (known !== undefined) return known;
    const whole = Buffer.byteLength(grapheme) > MAX_GRAPHEME_BYTES ? null : this.#lookUp(grapheme);
    const replaced = whole ?? Array.from(grapheme, (char) => this.#lookUp(char) ?? char).join('');
    if (this.#known.size < MAX_KNOWN) this.#known.set(grapheme, replaced);
    return replaced;
  }

  /** Text of the shortest key that the part begins with, in place of all of the part; null where there is none. */
  #lookUp(part: string): string | null {
    let at = offsetOf(this.#trie[0]);
    for (const byte of encoder.encode(part)) {
      if (byte === 0) return null;
      at ^= byte;
      const unit = this.#trie[at] ?? 0;
      if ((unit & LABEL) >>> 0 !== byte) return null;
      at ^= offsetOf(unit);
      if (((unit >>> 8) & 1) === 1) return this.#textAt((this.#trie[at] ?? 0) & VALUE);
    }
    return null;
  }

  #textAt(start: number): string {
    const end = this.#texts.indexOf(0, start);
    return decoder.decode(this.#texts.subarray(start, end < 0 ? undefined : end));
  }
}

function offsetOf(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}

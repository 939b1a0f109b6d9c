import type { DecodeOptions, Tokenizer } from './tokenizer.js';

/** Tokens decoded again with each new one: enough for any character and for decoders that look at the token before. */
const CONTEXT_TOKENS = 8;
const WINDOW_TOKENS = 24;

/** What a decoder shows for bytes that form no character, or not yet. */
const REPLACEMENT = '\uFFFD';

export interface DetokenizerOptions extends DecodeOptions {
  /** Special tokens that are shown in any case. */
  readonly shownTokens?: readonly string[];
}

/**
 * Decodes one token at a time. The deltas and the flush together are the text of all the tokens, special ones left out unless asked for.
 *
 * Only a window of the last tokens is decoded, so time is linear. A character's bytes may be spread over tokens: they decode to one
 * U+FFFD at the window's end until they are complete, so that character is held back. UTF-8 synchronises itself within three bytes,
 * so a window that starts in the middle of a character ends in the same text.
 */
export class Detokenizer {
  #window: number[] = [];
  #text = '';
  #numEmitted = 0;

  readonly #shown: ReadonlySet<string>;

  constructor(
    readonly tokenizer: Tokenizer,
    readonly options: DetokenizerOptions = { skipSpecialTokens: true },
  ) {
    this.#shown = new Set(options.shownTokens);
  }

  /** Text that the token completes; often empty, where it ends within a character. */
  push(tokenId: number): string {
    if (this.#isHidden(tokenId)) return '';
    this.#window.push(tokenId);
    this.#text = this.#decode();
    const numStable = this.#text.endsWith(REPLACEMENT) ? this.#text.length - 1 : this.#text.length;
    const delta = this.#take(numStable);
    if (this.#window.length > WINDOW_TOKENS) this.#shrink();
    return delta;
  }

  /** What was held back, when no token follows. */
  flush(): string {
    return this.#take(this.#text.length);
  }

  #take(end: number): string {
    const delta = this.#text.slice(this.#numEmitted, end);
    this.#numEmitted = Math.max(this.#numEmitted, end);
    return delta;
  }

  #shrink(): void {
    const numHeld = this.#text.length - this.#numEmitted;
    this.#window = this.#window.slice(-CONTEXT_TOKENS);
    this.#text = this.#decode();
    this.#numEmitted = Math.max(0, this.#text.length - numHeld);
  }

  #isHidden(tokenId: number): boolean {
    if (!this.options.skipSpecialTokens || !this.tokenizer.isSpecial(tokenId)) return false;
    return this.#shown.size === 0 || !this.#shown.has(this.tokenizer.tokenText(tokenId));
  }

  #decode(): string {
    return this.tokenizer.decode(this.#window, { skipSpecialTokens: false });
  }
}

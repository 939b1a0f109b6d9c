import type { Compiler } from './compiler.js';
import { GrammarError } from './grammar-error.js';
import type { MaskRequest, Masks } from './protocol.js';
import type { GrammarMatcher } from './xgrammar.js';

/** The matchers of a thread by their number. */
export class Matchers {
  readonly #matchers = new Map<number, GrammarMatcher>();

  constructor(
    readonly compiler: Compiler,
    readonly vocabSize: number,
  ) {}

  get size(): number {
    return this.#matchers.size;
  }

  /** Takes the tokens in and tells what may follow them, and each of the drafts that fit. @throws GrammarError where the tokens do not fit */
  async masks({ matcher: id, start, tokenIds, drafts }: MaskRequest): Promise<Masks> {
    if (start !== null) {
      this.forget(id);
      this.#matchers.set(id, await this.compiler.matcher(start.grammar, start.stopTokenIds));
    }
    const matcher = this.#matchers.get(id);
    if (matcher === undefined) throw new Error(`there is no matcher ${id}`);
    for (const tokenId of tokenIds) {
      if (!matcher.acceptToken(tokenId))
        throw new GrammarError(`The text so far does not fit it, at token ${tokenId}.`);
    }
    return this.#withDrafts(matcher, drafts);
  }

  forget(id: number): void {
    this.#matchers.get(id)?.dispose();
    this.#matchers.delete(id);
  }

  async #withDrafts(matcher: GrammarMatcher, drafts: readonly number[]): Promise<Masks> {
    const rowWords = Math.ceil(this.vocabSize / 32);
    const words = new Uint32Array(rowWords * (drafts.length + 1));
    words.set(await matcher.getNextTokenBitmask());
    let numDrafts = 0;
    for (const draft of drafts) {
      if (!isSet(words, numDrafts * rowWords, draft) || !matcher.acceptToken(draft)) break;
      numDrafts += 1;
      if (!matcher.isTerminated()) words.set(await matcher.getNextTokenBitmask(), numDrafts * rowWords);
    }
    if (numDrafts > 0) matcher.rollBack(numDrafts);
    return { words: words.slice(0, rowWords * (numDrafts + 1)), numDrafts };
  }
}

function isSet(words: Uint32Array, at: number, tokenId: number): boolean {
  return ((words[at + (tokenId >>> 5)] >>> (tokenId & 31)) & 1) === 1;
}

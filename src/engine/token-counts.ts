import type { TokenCount } from '../ops/ops.js';

/** How often each token stands in a text, kept as the text grows: counting anew in each step would cost the length of the text. */
export class TokenCounts {
  readonly #counts = new Map<number, TokenCount>();

  constructor(promptTokenIds: readonly number[]) {
    for (const tokenId of promptTokenIds) this.#counts.set(tokenId, { tokenId, inPrompt: true, count: 0 });
  }

  /** Counts a token of the output. */
  add(tokenId: number): void {
    this.#counts.set(tokenId, oneMore(this.#counts, tokenId));
  }

  /** @param drafts counted as if they had been added */
  list(drafts: readonly number[] = []): readonly TokenCount[] {
    if (drafts.length === 0) return [...this.#counts.values()];
    const counts = new Map(this.#counts);
    for (const tokenId of drafts) counts.set(tokenId, oneMore(counts, tokenId));
    return [...counts.values()];
  }
}

function oneMore(counts: ReadonlyMap<number, TokenCount>, tokenId: number): TokenCount {
  const { inPrompt, count } = counts.get(tokenId) ?? { inPrompt: false, count: 0 };
  return { tokenId, inPrompt, count: count + 1 };
}

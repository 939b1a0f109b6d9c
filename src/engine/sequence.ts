import type { SamplingParams } from './types.js';

export type SequenceStatus = 'waiting' | 'running' | 'finished';

/** One text that grows by a token at a time. There is no phase: prefill is when many tokens are not computed, decode when one is. */
export class Sequence {
  /** The prompt, then the output. */
  readonly tokenIds: number[];
  readonly numPromptTokens: number;
  /** K and V of the first so many tokens are in the cache. */
  numComputedTokens = 0;
  /** Physical block of each logical one. */
  readonly blockTable: number[] = [];
  status: SequenceStatus = 'waiting';

  constructor(
    readonly id: string,
    promptTokenIds: readonly number[],
    readonly sampling: SamplingParams,
  ) {
    this.tokenIds = [...promptTokenIds];
    this.numPromptTokens = promptTokenIds.length;
  }

  get numTokens(): number {
    return this.tokenIds.length;
  }

  get numOutputTokens(): number {
    return this.tokenIds.length - this.numPromptTokens;
  }

  get numUncomputedTokens(): number {
    return this.tokenIds.length - this.numComputedTokens;
  }
}

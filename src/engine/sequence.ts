import type { PromptStats, SamplingParams } from './types.js';

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
  /** Names of the full blocks of its text, as far as they were needed yet (`block-names.ts`). */
  readonly blockNames: string[] = [];
  /** Prompt tokens that the cache held when the sequence first ran; null before. */
  numCachedTokens: number | null = null;
  /** When it was added, first scheduled, and when its first token came; ms on the core's clock. */
  arrivalMs = 0;
  scheduledMs: number | null = null;
  firstTokenMs: number | null = null;
  status: SequenceStatus = 'waiting';
  /** Sequences of another salt share no cached blocks with it. */
  readonly salt: string;
  /** Lower goes first. */
  readonly priority: number;

  /** @param arrival counts sequences as they come: among equal priorities the earlier goes first */
  constructor(
    readonly id: string,
    promptTokenIds: readonly number[],
    readonly sampling: SamplingParams,
    readonly arrival = 0,
    { salt = '', priority = 0 }: { readonly salt?: string; readonly priority?: number } = {},
  ) {
    this.salt = salt;
    this.priority = priority;
    this.tokenIds = [...promptTokenIds];
    this.numPromptTokens = promptTokenIds.length;
  }

  /** Whether it goes before another, to run and to stay running. */
  precedes(other: Sequence): boolean {
    return this.priority === other.priority ? this.arrival < other.arrival : this.priority < other.priority;
  }

  /** Once it has a token. */
  get promptStats(): PromptStats {
    const { arrivalMs, firstTokenMs, numCachedTokens } = this;
    const scheduledMs = this.scheduledMs ?? arrivalMs;
    return {
      numCachedTokens: numCachedTokens ?? 0,
      queueMs: scheduledMs - arrivalMs,
      prefillMs: (firstTokenMs ?? scheduledMs) - scheduledMs,
    };
  }

  /** Whether it computes a prompt, or what it lost to a preemption, rather than its next token. */
  get isPrefilling(): boolean {
    return this.numUncomputedTokens > 1;
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

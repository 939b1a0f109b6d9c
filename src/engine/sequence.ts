import type { Matcher } from '../grammar/service.js';
import { HiddenPool } from './hidden-pool.js';
import { GREEDY } from './request.js';
import { TokenCounts } from './token-counts.js';
import type { EngineRequest, Pooling, PromptStats, SamplingParams, TokenLogprobs } from './types.js';

export type SequenceStatus = 'waiting' | 'running' | 'finished';

export interface SequenceOptions {
  readonly salt?: string;
  readonly priority?: number;
  readonly maxModelLen?: number;
  readonly adapter?: number;
  /** Absent, its next tokens are wanted. */
  readonly pooling?: Pooling;
}

/** The sequence of a request that was checked. @param arrival as of `Sequence` */
export function sequenceOf(request: EngineRequest, arrival: number, maxModelLen: number): Sequence {
  const { id, promptTokenIds, cacheSalt: salt, priority, adapter } = request;
  const options = { salt, priority, maxModelLen, adapter };
  if ('sampling' in request) return new Sequence(id, promptTokenIds, request.sampling, arrival, options);
  const nothing = { ...GREEDY, maxTokens: 0 };
  return new Sequence(id, promptTokenIds, nothing, arrival, { ...options, pooling: request.pooling });
}

/** One text that grows by a token at a time. There is no phase: prefill is when many tokens are not computed, decode when one is. */
export class Sequence {
  /** The prompt, then the output as far as the host knows it. */
  readonly tokenIds: number[];
  readonly numPromptTokens: number;
  /** Tokens of prompt and output at most. */
  readonly maxNumTokens: number;
  /** Sampled by steps that run still: they follow `tokenIds`. The last of them is in this row of the newest step's results. */
  numPendingTokens = 0;
  pendingRow = 0;
  /** Guesses of what follows, to be checked in the next step. */
  draftTokenIds: readonly number[] = [];
  /** K and V of the first so many tokens are in the cache, or will be when the steps that were sent have run. */
  numComputedTokens = 0;
  /** The first so many full blocks have been named. */
  numNamedBlocks = 0;
  /** Of the grammar that its output follows; null where it follows none. */
  matcher: Matcher | null = null;
  /** Tokens that may come next, u32 `[ceil(vocab/32)]`; null until the grammar has told. */
  mask: Uint32Array | null = null;
  /** Of its hidden states, which alone are wanted; null where its next tokens are. */
  readonly pool: HiddenPool | null;
  /** Tokens of its text; null where no penalty needs them. */
  readonly counts: TokenCounts | null;
  /** Of the prompt's tokens from the second on, as far as steps have told; and how many the steps that were sent will have told. */
  readonly promptLogprobs: TokenLogprobs[] = [];
  numScoredTokens = 0;
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
  /** Nothing more of it is computed for now: its reader lags. */
  isPaused = false;
  /** Sequences of another salt share no cached blocks with it. */
  readonly salt: string;
  /** Lower goes first. */
  readonly priority: number;
  /** From 1; 0 is none. */
  readonly adapter: number;

  /** @param arrival counts sequences as they come: among equal priorities the earlier goes first */
  constructor(
    readonly id: string,
    promptTokenIds: readonly number[],
    readonly sampling: SamplingParams,
    readonly arrival = 0,
    options: SequenceOptions = {},
  ) {
    const { salt = '', priority = 0, maxModelLen = Number.POSITIVE_INFINITY, adapter = 0, pooling } = options;
    // What an adapter computes is no other's to share.
    this.salt = adapter === 0 ? salt : JSON.stringify([adapter, salt]);
    this.adapter = adapter;
    this.priority = priority;
    this.tokenIds = [...promptTokenIds];
    this.numPromptTokens = promptTokenIds.length;
    this.maxNumTokens = Math.min(promptTokenIds.length + sampling.maxTokens, maxModelLen);
    this.pool = pooling === undefined ? null : new HiddenPool(pooling, promptTokenIds.length);
    this.counts = hasPenalty(sampling) ? new TokenCounts(promptTokenIds) : null;
  }

  /** Its next token is in that row of the results of the step that was just sent. */
  awaitToken(row: number): void {
    this.mask = null;
    this.numPendingTokens += 1;
    this.pendingRow = row;
  }

  /** Takes the oldest pending token, now that it is known. */
  append(tokenId: number): void {
    this.tokenIds.push(tokenId);
    this.counts?.add(tokenId);
    if (this.numPendingTokens > 0) this.numPendingTokens -= 1;
  }

  /** Gives up what was computed: its blocks are taken. */
  restart(): void {
    this.numComputedTokens = 0;
    this.numNamedBlocks = 0;
    this.draftTokenIds = [];
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
    return this.pool !== null || this.numUncomputedTokens > 1;
  }

  /** Whether its grammar has still to tell what may come next: until then nothing is sampled. */
  get isHeld(): boolean {
    return this.matcher !== null && this.mask === null;
  }

  /** Whether it has all its tokens, be they pending or not: nothing is left to compute. */
  get isComplete(): boolean {
    return this.pool === null ? this.numTokens >= this.maxNumTokens : this.numUncomputedTokens === 0;
  }

  /** Tokens at its start that need not be computed where the cache has them: no logits and no hidden states are wanted of them. */
  get numSkippableTokens(): number {
    if (this.pool !== null) return this.pool.numSkippable;
    return this.numScoredTokens < this.numToScore ? this.numScoredTokens : this.numTokens - 1;
  }

  /** Pending ones included, as in the next two. */
  get numTokens(): number {
    return this.tokenIds.length + this.numPendingTokens;
  }

  get numOutputTokens(): number {
    return this.numTokens - this.numPromptTokens;
  }

  get numUncomputedTokens(): number {
    return this.numTokens - this.numComputedTokens;
  }

  /** Tokens of the prompt that are to be told of: all but the first, where the request asks. */
  get numToScore(): number {
    return this.sampling.numPromptLogprobs === undefined ? 0 : this.numPromptTokens - 1;
  }
}

function hasPenalty({ logits }: SamplingParams): boolean {
  if (logits === undefined) return false;
  const { repetitionPenalty, frequencyPenalty, presencePenalty } = logits;
  return repetitionPenalty !== 1 || frequencyPenalty !== 0 || presencePenalty !== 0;
}

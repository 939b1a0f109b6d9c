import { ApiError } from '../errors.js';
import { type BatchShape, buildBatch, yieldsToken } from './batch.js';
import { type BlockManager, blocksFor } from './block-manager.js';
import type { ModelRunner } from './model-runner.js';
import { type PacerOptions, PrefillPacer } from './prefill-pacer.js';
import { checkRequest } from './request.js';
import { type ScheduledSequence, Scheduler, type SchedulerLimits } from './scheduler.js';
import { Sequence } from './sequence.js';
import type { EngineStats, FinishReason, GenerateRequest, PromptStats } from './types.js';

export interface EngineLimits extends SchedulerLimits, PacerOptions {
  readonly maxModelLen: number;
}

export interface CoreOptions {
  readonly runner: ModelRunner;
  readonly blocks: BlockManager;
  readonly limits: EngineLimits;
  readonly eosTokenIds: readonly number[];
  /** Monotonic clock, ms. */
  readonly now: () => number;
}

/** What a step gave to one sequence. */
export interface SequenceOutput {
  readonly id: string;
  readonly tokenIds: readonly number[];
  readonly finishReason: FinishReason | null;
  readonly prompt: PromptStats;
}

export interface StepResult {
  readonly outputs: readonly SequenceOutput[];
  readonly stats: EngineStats;
}

type StepCounters = Pick<
  EngineStats,
  'stepPromptTokens' | 'stepGenerationTokens' | 'stepMs' | 'numDispatches'
>;

/** Continuous batching, one step at a time. It knows no threads and no GPU: it is given a runner and a clock. */
export class EngineCore {
  readonly #options: CoreOptions;
  readonly #shape: BatchShape;
  readonly #scheduler: Scheduler;
  readonly #eosTokenIds: ReadonlySet<number>;
  /** Unfinished ones by id. */
  readonly #sequences = new Map<string, Sequence>();
  /** Aborted while their step runs: they hold their blocks until it ends, for the device may still write there. */
  readonly #aborted = new Set<Sequence>();
  readonly #pacer: PrefillPacer;
  #numArrivals = 0;
  #stepping = false;
  #failure: Error | null = null;
  #lastStep: StepCounters = { stepPromptTokens: 0, stepGenerationTokens: 0, stepMs: 0, numDispatches: 0 };

  constructor(options: CoreOptions) {
    const { blocks, limits, eosTokenIds } = options;
    this.#options = options;
    this.#shape = {
      blockSize: blocks.blockSize,
      maxBlocksPerSequence: blocksFor(limits.maxModelLen, blocks.blockSize),
    };
    this.#scheduler = new Scheduler(blocks, limits);
    this.#pacer = new PrefillPacer(limits);
    this.#eosTokenIds = new Set(eosTokenIds);
  }

  /** Takes the next step. One at a time, and only while there is work. Rejects with the cause when the engine fails. */
  async step(): Promise<StepResult> {
    this.#beginStep();
    try {
      const start = this.#options.now();
      const scheduled = this.#schedule();
      for (const { sequence } of scheduled) sequence.scheduledMs ??= start;
      const batch = buildBatch(scheduled, this.#shape);
      const sampled = await this.#options.runner.run(batch);
      if (this.#failure !== null) throw this.#failure;
      return this.#apply(scheduled, sampled, start);
    } catch (error) {
      throw this.fail(error);
    } finally {
      this.#stepping = false;
    }
  }

  get hasWork(): boolean {
    return this.#sequences.size > 0;
  }

  /** Throws ApiError where the request is malformed, its id is taken, it can never fit, or the engine has failed. */
  add(request: GenerateRequest): void {
    if (this.#failure !== null) throw engineFailed();
    const { blocks, limits } = this.#options;
    checkRequest(request, { maxModelLen: limits.maxModelLen, ...pool(blocks) });
    if (this.#sequences.has(request.id)) throw new ApiError('invalid_value', 'The request id is in use.');
    const { id, promptTokenIds, sampling, cacheSalt: salt, priority } = request;
    const sequence = new Sequence(id, promptTokenIds, sampling, this.#numArrivals++, { salt, priority });
    sequence.arrivalMs = this.#options.now();
    this.#sequences.set(sequence.id, sequence);
    this.#scheduler.add(sequence);
  }

  /** Drops the sequence: at once between steps, else at the end of the step, without a further output. Unknown ids are ignored. */
  abort(id: string): void {
    const sequence = this.#sequences.get(id);
    if (sequence === undefined) return;
    this.#sequences.delete(id);
    if (this.#stepping) this.#aborted.add(sequence);
    else this.#scheduler.finish(sequence);
  }

  /** Drops every sequence and refuses new ones. Returns the first cause. */
  fail(cause: unknown): Error {
    if (this.#failure !== null) return this.#failure;
    this.#failure = cause instanceof Error ? cause : new Error(String(cause));
    this.#sequences.clear();
    this.#aborted.clear();
    for (const sequence of this.#scheduler.sequences()) this.#scheduler.finish(sequence);
    return this.#failure;
  }

  stats(): EngineStats {
    const { numRunning, numWaiting, numPreemptions, prefixCache, blocks } = this.#scheduler;
    const { queries: prefixCacheQueries, hits: prefixCacheHits } = prefixCache;
    const counts = { numRunning, numWaiting, numPreemptions, prefixCacheQueries, prefixCacheHits };
    return { ...counts, kvUsage: blocks.usage, ...this.#lastStep };
  }

  /** Throws unless each KV block is free or held by exactly one unfinished sequence. */
  checkIntegrity(): void {
    this.#options.blocks.checkIntegrity(this.#scheduler.sequences());
  }

  #beginStep(): void {
    if (this.#stepping) throw new Error('a step is already running');
    if (this.#failure !== null) throw this.#failure;
    this.#stepping = true;
  }

  /** A request that passed admission can always run alone, so an empty plan is a defect; waiting on would spin for ever. */
  #schedule(): readonly ScheduledSequence[] {
    const scheduled = this.#scheduler.schedule(this.#pacer.maxPrefillTokens(this.#scheduler.numDecoding));
    if (scheduled.length === 0) throw new Error('the scheduler found nothing to run');
    return scheduled;
  }

  #apply(scheduled: readonly ScheduledSequence[], sampled: Uint32Array, start: number): StepResult {
    const stepPromptTokens = scheduled.reduce((sum, item) => sum + numPromptTokens(item), 0);
    const prefilling = scheduled.filter(({ sequence }) => sequence.isPrefilling);
    const numPrefillTokens = prefilling.reduce((sum, { numTokens }) => sum + numTokens, 0);
    const end = this.#options.now();
    this.#pacer.observe(end - start, numPrefillTokens, scheduled.length - prefilling.length);
    const outputs = this.#advance(scheduled, sampled, end);
    for (const sequence of this.#aborted) this.#scheduler.finish(sequence);
    this.#aborted.clear();
    this.#lastStep = {
      stepPromptTokens,
      stepGenerationTokens: outputs.length,
      stepMs: end - start,
      numDispatches: this.#options.runner.dispatchesPerStep,
    };
    return { outputs, stats: this.stats() };
  }

  #advance(scheduled: readonly ScheduledSequence[], sampled: Uint32Array, nowMs: number): SequenceOutput[] {
    const yielding = scheduled.filter(yieldsToken);
    if (sampled.length !== yielding.length) {
      throw new Error(`the runner sampled ${sampled.length} tokens for ${yielding.length} rows of logits`);
    }
    for (const { sequence, numTokens } of scheduled) {
      sequence.numComputedTokens += numTokens;
      this.#scheduler.remember(sequence);
    }
    return yielding.flatMap(({ sequence }, row) =>
      this.#aborted.has(sequence) ? [] : [this.#append(sequence, sampled[row], nowMs)],
    );
  }

  #append(sequence: Sequence, tokenId: number, nowMs: number): SequenceOutput {
    sequence.tokenIds.push(tokenId);
    sequence.firstTokenMs ??= nowMs;
    const finishReason = this.#finishReason(sequence, tokenId);
    if (finishReason !== null) {
      this.#sequences.delete(sequence.id);
      this.#scheduler.finish(sequence);
    }
    return {
      id: sequence.id,
      tokenIds: [tokenId],
      finishReason,
      prompt: sequence.promptStats,
    };
  }

  #finishReason(sequence: Sequence, tokenId: number): FinishReason | null {
    const { ignoreEos, stopTokenIds, maxTokens } = sequence.sampling;
    if (!ignoreEos && this.#eosTokenIds.has(tokenId)) return 'stop';
    if (stopTokenIds.includes(tokenId)) return 'stop';
    if (sequence.numOutputTokens >= maxTokens) return 'length';
    return sequence.numTokens >= this.#options.limits.maxModelLen ? 'length' : null;
  }
}

/** What callers are told; the cause goes to the log, for it may name paths and addresses. */
export function engineFailed(): ApiError {
  return new ApiError('engine_failed', 'The engine has failed and cannot answer.');
}

function pool({ numBlocks, blockSize }: BlockManager): { numBlocks: number; blockSize: number } {
  return { numBlocks, blockSize };
}

/** Of the scheduled tokens, before they are computed, those of the prompt. */
function numPromptTokens({ sequence, numTokens }: ScheduledSequence): number {
  return Math.max(0, Math.min(sequence.numPromptTokens - sequence.numComputedTokens, numTokens));
}

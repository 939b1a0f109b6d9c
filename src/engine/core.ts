import { ApiError } from '../errors.js';
import type { Grammars } from '../grammar/service.js';
import { RESULT } from '../ops/result-layout.js';
import { type BatchShape, layOutStep, type StepLayout } from './batch.js';
import { type BlockManager, blocksFor } from './block-manager.js';
import { GrammarMasks } from './grammar-masks.js';
import type { ModelRunner, StepResults } from './model-runner.js';
import { MAX_SCORED_TOKENS } from './options.js';
import { type Outcome, OutcomeReader, type SequenceOutput } from './outcomes.js';
import { countStep, type SchedulerLimits, type StepCounts } from './plan.js';
import { type PacerOptions, PrefillPacer } from './prefill-pacer.js';
import { checkRequest } from './request.js';
import { Scheduler } from './scheduler.js';
import { type Sequence, sequenceOf } from './sequence.js';
import { proposeDraft } from './speculation.js';
import type { EngineRequest, EngineStats } from './types.js';

export interface EngineLimits extends Omit<SchedulerLimits, 'maxScoredTokens'>, PacerOptions {
  readonly maxModelLen: number;
  /** Whether a step is sent to the device while the one before runs. */
  readonly asyncScheduling: boolean;
  /** Drafts in a step of a sequence at most. */
  readonly numSpeculativeTokens: number;
}

export interface CoreOptions {
  readonly runner: ModelRunner;
  readonly blocks: BlockManager;
  readonly limits: EngineLimits;
  readonly vocabSize: number;
  readonly eosTokenIds: readonly number[];
  /** What grammars are followed by; absent, none is. */
  readonly grammars?: Grammars;
  /** A request that was added cannot be answered, or not to its end. */
  readonly onRefused?: (id: string, error: unknown) => void;
  /** There is work again. */
  readonly onWork?: () => void;
  /** Monotonic clock, ms. */
  readonly now: () => number;
}

export interface StepResult {
  readonly outputs: readonly SequenceOutput[];
  readonly stats: EngineStats;
}

/** A step that was sent to the device. */
interface StepInFlight extends StepLayout, StepCounts {
  readonly reading: Promise<StepResults>;
  readonly startMs: number;
  readonly scheduleMs: number;
  readonly encodeMs: number;
  readonly numDispatches: number;
}

type StepCounters = Pick<
  EngineStats,
  | 'stepPromptTokens'
  | 'stepGenerationTokens'
  | 'stepMs'
  | 'scheduleMs'
  | 'encodeMs'
  | 'gpuMs'
  | 'numDispatches'
>;

const NO_STEP: StepCounters = {
  stepPromptTokens: 0,
  stepGenerationTokens: 0,
  stepMs: 0,
  scheduleMs: 0,
  encodeMs: 0,
  gpuMs: null,
  numDispatches: 0,
};

/**
 * Continuous batching, one step at a time. It knows no threads and no GPU: it is given a runner and a clock. While a step runs the next one is
 * sent, where nothing speaks against it; its tokens may then be pending: sampled on the device and not yet known here.
 */
export class EngineCore {
  readonly #options: CoreOptions;
  readonly #shape: BatchShape;
  readonly #scheduler: Scheduler;
  readonly #outcomes: OutcomeReader;
  readonly #masks: GrammarMasks;
  /** Unfinished ones by id. */
  readonly #sequences = new Map<string, Sequence>();
  /** Those of them whose grammar is being compiled: they wait outside of the queues. */
  readonly #compiling = new Set<Sequence>();
  /** Those of them whose readers lag. */
  readonly #paused = new Set<Sequence>();
  /** In the order in which they were sent. A device runs them in that order, so blocks may be freed and given out anew while one runs. */
  readonly #inFlight: StepInFlight[] = [];
  readonly #pacer: PrefillPacer;
  #numArrivals = 0;
  #stepping = false;
  #failure: Error | null = null;
  #lastStepEndMs = 0;
  #lastStep = NO_STEP;

  constructor(options: CoreOptions) {
    const { blocks, limits, vocabSize } = options;
    const eosTokenIds = new Set(options.eosTokenIds);
    this.#options = options;
    this.#shape = {
      blockSize: blocks.blockSize,
      maxBlocksPerSequence: blocksFor(limits.maxModelLen, blocks.blockSize),
      vocabulary: { size: vocabSize, eosTokenIds },
    };
    this.#scheduler = new Scheduler(blocks, { ...limits, maxScoredTokens: MAX_SCORED_TOKENS });
    this.#pacer = new PrefillPacer(limits);
    this.#outcomes = new OutcomeReader(eosTokenIds);
    this.#masks = new GrammarMasks(options.grammars ?? null, this.#shape.vocabulary, {
      onMask: (sequence) => this.#compiled(sequence),
      onRefused: (sequence, error) => this.#refuse(sequence, error),
    });
  }

  /** Sends what can be sent and takes in the oldest step. One at a time, and only while there is work. Rejects with the cause when the engine fails. */
  async step(): Promise<StepResult> {
    this.#beginStep();
    try {
      const step = await this.#oldestStep();
      if (step === null) return { outputs: [], stats: this.stats() };
      const reading = await step.reading;
      if (this.#failure !== null) throw this.#failure;
      return this.#take(step, reading);
    } catch (error) {
      throw this.fail(error);
    } finally {
      this.#stepping = false;
    }
  }

  get hasWork(): boolean {
    const numIdle = this.#compiling.size + this.#paused.size;
    return this.#sequences.size > numIdle || this.#inFlight.length > 0;
  }

  /** Throws ApiError where the request is malformed, its id is taken, it can never fit, or the engine has failed. */
  add(request: EngineRequest): void {
    if (this.#failure !== null) throw engineFailed();
    const { blocks, limits } = this.#options;
    const { maxModelLen } = limits;
    checkRequest(request, { maxModelLen, ...pool(blocks) });
    if (this.#sequences.has(request.id)) throw new ApiError('invalid_value', 'The request id is in use.');
    const sequence = sequenceOf(request, this.#numArrivals++, maxModelLen);
    sequence.arrivalMs = this.#options.now();
    this.#masks.start(sequence);
    this.#sequences.set(sequence.id, sequence);
    if (sequence.isHeld) this.#compiling.add(sequence);
    else this.#enqueue(sequence);
  }

  /** Drops the sequence and frees its blocks, also where a step with it runs: its output is dropped. Unknown ids are ignored. */
  abort(id: string): void {
    const sequence = this.#sequences.get(id);
    if (sequence !== undefined) this.#finish(sequence);
  }

  /** Nothing more of the sequence is computed until it is resumed, and others may have its blocks. Unknown ids are ignored, as below. */
  pause(id: string): void {
    const sequence = this.#sequences.get(id);
    if (sequence === undefined || this.#compiling.has(sequence)) return;
    sequence.isPaused = true;
    this.#paused.add(sequence);
  }

  resume(id: string): void {
    const sequence = this.#sequences.get(id);
    if (sequence === undefined || !this.#paused.delete(sequence)) return;
    sequence.isPaused = false;
    this.#masks.interrupt();
  }

  /** Drops every sequence and refuses new ones. Returns the first cause. */
  fail(cause: unknown): Error {
    if (this.#failure !== null) return this.#failure;
    this.#failure = cause instanceof Error ? cause : new Error(String(cause));
    for (const sequence of this.#sequences.values()) this.#finish(sequence);
    this.#inFlight.length = 0;
    return this.#failure;
  }

  /** Resolves when the device has run all that was sent to it. Never rejects. */
  async settle(): Promise<void> {
    await Promise.allSettled(this.#inFlight.map(({ reading }) => reading));
  }

  stats(): EngineStats {
    const { numRunning, numWaiting, numPreemptions, prefixCache, blocks } = this.#scheduler;
    const { queries: prefixCacheQueries, hits: prefixCacheHits } = prefixCache;
    const counts = { numRunning, numWaiting, numPreemptions, prefixCacheQueries, prefixCacheHits };
    const { adapters } = this.#scheduler;
    return {
      ...counts,
      ...adapters,
      ...this.#outcomes.speculation,
      kvUsage: blocks.usage,
      ...this.#lastStep,
    };
  }

  /** Throws unless each KV block is free or in as many block tables of unfinished sequences as it is counted. */
  checkIntegrity(): void {
    this.#options.blocks.checkIntegrity(this.#scheduler.sequences());
  }

  /** Drafts follow a text whose end is known, so then one step waits for the other. */
  get #maxInFlight(): number {
    const { asyncScheduling, numSpeculativeTokens } = this.#options.limits;
    return asyncScheduling && numSpeculativeTokens === 0 ? 2 : 1;
  }

  #beginStep(): void {
    if (this.#stepping) throw new Error('a step is already running');
    if (this.#failure !== null) throw this.#failure;
    this.#stepping = true;
  }

  /** The step to wait for; null where nothing is left to do, because grammars did not let the last sequences go on. */
  async #oldestStep(): Promise<StepInFlight | null> {
    this.#fillPipeline();
    while (this.#inFlight.length === 0 && this.#masks.numAwaited > this.#compiling.size) {
      await this.#masks.next();
      this.#fillPipeline();
    }
    const step = this.#inFlight.shift();
    if (step !== undefined) return step;
    // A request that passed admission can always run alone, so this is a defect; waiting on would spin for ever.
    if (this.hasWork) throw this.#failure ?? new Error('the scheduler found nothing to run');
    return null;
  }

  /** Its grammar is compiled, and it may join the others. */
  #compiled(sequence: Sequence): void {
    if (!this.#compiling.delete(sequence)) return;
    this.#enqueue(sequence);
    this.#options.onWork?.();
  }

  #enqueue(sequence: Sequence): void {
    this.#scheduler.add(sequence);
    this.#masks.interrupt();
  }

  #refuse(sequence: Sequence, error: unknown): void {
    this.#finish(sequence);
    this.#options.onRefused?.(sequence.id, error);
  }

  #fillPipeline(): void {
    while (this.#inFlight.length < this.#maxInFlight) if (!this.#send()) return;
  }

  /** Decides a step and sends it to the device. Returns whether there was anything to do. */
  #send(): boolean {
    const { now, runner } = this.#options;
    const startMs = now();
    this.#propose();
    const scheduled = this.#scheduler.schedule(this.#pacer.maxPrefillTokens(this.#scheduler.numDecoding));
    if (scheduled.length === 0) return false;
    for (const { sequence } of scheduled) sequence.scheduledMs ??= startMs;
    const scheduledMs = now();
    const layout = layOutStep(scheduled, this.#shape);
    const reading = runner.run(layout.batch, { hidden: layout.pooled.length > 0 });
    // Whoever awaits it sees the rejection; a step that is given up has nobody.
    reading.catch(() => undefined);
    const times = { startMs, scheduleMs: scheduledMs - startMs, encodeMs: now() - scheduledMs };
    const numDispatches = runner.dispatchesPerStep;
    this.#inFlight.push({ ...layout, ...times, ...countStep(scheduled), reading, numDispatches });
    for (const item of scheduled) this.#scheduler.advance(item);
    for (const { sequence, firstRow } of layout.sampled) sequence.awaitToken(firstRow);
    return true;
  }

  #propose(): void {
    const { numSpeculativeTokens } = this.#options.limits;
    if (numSpeculativeTokens === 0) return;
    for (const sequence of this.#scheduler.running) {
      const numMissing = sequence.maxNumTokens - sequence.numTokens - 1;
      sequence.draftTokenIds =
        sequence.isPrefilling || sequence.matcher !== null
          ? []
          : proposeDraft(sequence.tokenIds, Math.min(numSpeculativeTokens, numMissing));
    }
  }

  #take(step: StepInFlight, results: StepResults): StepResult {
    checkRows(results.words, step.batch.logitsRows.length);
    const endMs = this.#options.now();
    const stepMs = endMs - Math.max(step.startMs, this.#lastStepEndMs);
    this.#lastStepEndMs = endMs;
    this.#pacer.observe(stepMs, step.numPrefillTokens, step.numDecoding);
    const outcomes = this.#outcomes.read(step, results, endMs);
    const outputs = outcomes.map((outcome) => this.#close(outcome));
    this.#lastStep = {
      stepPromptTokens: step.numPromptTokens,
      stepGenerationTokens: outputs.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0),
      stepMs,
      scheduleMs: step.scheduleMs,
      encodeMs: step.encodeMs,
      gpuMs: results.gpuMs,
      numDispatches: step.numDispatches,
    };
    return { outputs, stats: this.stats() };
  }

  #close({ sequence, output }: Outcome): SequenceOutput {
    if (output.finishReason !== null) this.#finish(sequence);
    else this.#goOn(sequence);
    return output;
  }

  #goOn(sequence: Sequence): void {
    this.#scheduler.remember(sequence);
    this.#masks.ask(sequence);
  }

  #finish(sequence: Sequence): void {
    this.#sequences.delete(sequence.id);
    this.#paused.delete(sequence);
    this.#masks.forget(sequence);
    if (this.#compiling.delete(sequence)) sequence.status = 'finished';
    else this.#scheduler.finish(sequence);
  }
}

/** What callers are told; the cause goes to the log, for it may name paths and addresses. */
export function engineFailed(): ApiError {
  return new ApiError('engine_failed', 'The engine has failed and cannot answer.');
}

function pool({ numBlocks, blockSize }: BlockManager): { numBlocks: number; blockSize: number } {
  return { numBlocks, blockSize };
}

function checkRows(words: Uint32Array, numRows: number): void {
  const given = words.length / RESULT.words;
  if (given < numRows)
    throw new Error(`the runner gave ${given} rows of results for ${numRows} rows of logits`);
}

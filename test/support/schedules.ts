import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { BlockManager } from '#halflight/engine/block-manager.js';
import { EngineCore, type SequenceOutput } from '#halflight/engine/core.js';
import type { ModelRunner } from '#halflight/engine/model-runner.js';
import type { FinishReason, GenerateRequest } from '#halflight/engine/types.js';
import { ApiError } from '#halflight/errors.js';
import { expectedAnswer, FAKE_EOS, FAKE_VOCAB_SIZE, FakeRunner, type FakeShape } from './fake-runner.js';

export interface Arrival {
  readonly request: GenerateRequest;
  readonly atStep: number;
  /** Steps after its arrival, in the middle of the step or before it; null lets it finish. */
  readonly abort: { readonly afterSteps: number; readonly inFlight: boolean } | null;
}

export interface Schedule extends FakeShape {
  readonly maxNumSeqs: number;
  readonly maxNumBatchedTokens: number;
  readonly prefixCaching: boolean;
  readonly maxPrefillMsPerStep: number | null;
  readonly arrivals: readonly Arrival[];
}

/** A random engine, of 1–64 blocks of 16 tokens or as many slots in smaller blocks, under random load, much of which cannot fit. */
export const anySchedule: fc.Arbitrary<Schedule> = fc
  .record({
    numSlots: fc.oneof(fc.integer({ min: 1, max: 1024 }), fc.integer({ min: 70, max: 200 })),
    blockSize: fc.constantFrom(16, 16, 4, 1),
    maxModelLen: fc.oneof(fc.integer({ min: 2, max: 160 }), fc.constant(128)),
    maxNumSeqs: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.constant(8)),
    maxNumBatchedTokens: fc.integer({ min: 1, max: 64 }),
    maxPrefillMsPerStep: fc.constantFrom(null, 0, 3),
    prefixCaching: fc.oneof(
      { weight: 3, arbitrary: fc.constant(true) },
      { weight: 1, arbitrary: fc.constant(false) },
    ),
    arrivals: fc.array(anyArrival(), { minLength: 1, maxLength: 10, size: 'max' }),
  })
  .map(({ numSlots, ...schedule }) => ({
    ...schedule,
    numBlocks: Math.ceil(numSlots / schedule.blockSize),
    arrivals: schedule.arrivals.map(named),
  }));

function anyArrival(): fc.Arbitrary<Arrival> {
  return fc.record({
    atStep: fc.oneof(fc.integer({ min: 0, max: 30 }), fc.constant(0)),
    abort: fc.oneof(
      { weight: 3, arbitrary: fc.constant(null) },
      {
        weight: 1,
        arbitrary: fc.record({ afterSteps: fc.integer({ min: 0, max: 20 }), inFlight: fc.boolean() }),
      },
    ),
    request: fc.record({
      id: fc.constant(''),
      promptTokenIds: anyPrompt(),
      cacheSalt: fc.constantFrom(undefined, undefined, undefined, 'a'),
      sampling: fc.record({
        maxTokens: fc.integer({ min: 1, max: 40 }),
        temperature: fc.constant(1),
        topK: fc.constant(0),
        topP: fc.constant(1),
        minP: fc.constant(0),
        seed: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        ignoreEos: fc.boolean(),
        stopTokenIds: fc.uniqueArray(fc.nat(FAKE_VOCAB_SIZE - 1), { maxLength: 1 }),
      }),
    }),
  });
}

/** Random, or with a start that many others have. */
function anyPrompt(): fc.Arbitrary<number[]> {
  const tail = fc.array(fc.nat(FAKE_VOCAB_SIZE - 1), { minLength: 1, maxLength: 60, size: 'max' });
  const shared = fc.nat(48).map((length) => Array.from({ length }, (_, i) => (i * i) % FAKE_VOCAB_SIZE));
  const started = fc.tuple(shared, tail).map(([start, rest]) => [...start, ...rest.slice(0, 12)]);
  return fc.oneof(tail, started);
}

function named(arrival: Arrival, index: number): Arrival {
  return { ...arrival, request: { ...arrival.request, id: `r${index}` } };
}

/** Replacements that plant a fault. */
export interface Parts {
  readonly runner?: (shape: FakeShape) => ModelRunner;
  readonly blocks?: (shape: FakeShape) => BlockManager;
}

export interface ScheduleSummary {
  readonly numSteps: number;
  readonly numFinished: number;
  readonly numAborted: number;
  readonly numRefused: number;
  readonly numPreemptions: number;
  readonly prefixHits: number;
}

/** Runs a schedule to its end and throws at the first broken promise of the engine. */
export async function runSchedule(schedule: Schedule, parts: Parts = {}): Promise<ScheduleSummary> {
  return new ScheduleRun(schedule, parts).run();
}

interface Live {
  readonly arrival: Arrival;
  readonly tokenIds: number[];
}

class ScheduleRun {
  readonly #core: EngineCore;
  readonly #blocks: BlockManager;
  readonly #live = new Map<string, Live>();
  #numFinished = 0;
  #numAborted = 0;
  #numRefused = 0;

  constructor(
    readonly schedule: Schedule,
    parts: Parts,
  ) {
    this.#blocks = parts.blocks?.(schedule) ?? new BlockManager(schedule.numBlocks, schedule.blockSize);
    this.#core = new EngineCore({
      runner: parts.runner?.(schedule) ?? new FakeRunner(schedule),
      blocks: this.#blocks,
      limits: schedule,
      eosTokenIds: [FAKE_EOS],
      now: randomClock(schedule),
    });
  }

  async run(): Promise<ScheduleSummary> {
    const lastArrival = Math.max(...this.schedule.arrivals.map(({ atStep }) => atStep));
    let step = 0;
    for (; step <= lastArrival || this.#core.hasWork; step++) {
      check(step < 20_000, 'the schedule does not end');
      this.#arrive(step);
      this.#abort(step, false);
      if (this.#core.hasWork) await this.#step(step);
    }
    check(this.#live.size === 0, 'a request was never answered');
    check(this.#blocks.numFree === this.schedule.numBlocks, 'blocks are still in use at the end');
    return this.#summary(step);
  }

  #arrive(step: number): void {
    for (const arrival of this.schedule.arrivals) {
      if (arrival.atStep !== step) continue;
      if (this.#add(arrival.request)) this.#live.set(arrival.request.id, { arrival, tokenIds: [] });
    }
  }

  /** Returns whether it was taken, which must be when it can ever fit. */
  #add(request: GenerateRequest): boolean {
    try {
      this.#core.add(request);
    } catch (error) {
      check(error instanceof ApiError && error.code === 'context_length_exceeded', String(error));
      check(!this.#fits(request), 'a request that fits was refused');
      this.#numRefused += 1;
      return false;
    }
    check(this.#fits(request), 'a request that can never fit was taken');
    return true;
  }

  #fits({ promptTokenIds, sampling }: GenerateRequest): boolean {
    const { maxModelLen, numBlocks, blockSize } = this.schedule;
    const numCached = Math.min(promptTokenIds.length + sampling.maxTokens, maxModelLen) - 1;
    return promptTokenIds.length < maxModelLen && numCached <= numBlocks * blockSize;
  }

  #abort(step: number, inFlight: boolean): void {
    for (const [id, { arrival, tokenIds }] of this.#live) {
      const { abort, atStep, request } = arrival;
      if (abort === null || abort.inFlight !== inFlight || step < atStep + abort.afterSteps) continue;
      this.#core.abort(id);
      this.#live.delete(id);
      this.#numAborted += 1;
      const expected = expectedAnswer(request, this.schedule.maxModelLen).tokenIds;
      check(isDeepStrictEqual(tokenIds, expected.slice(0, tokenIds.length)), `${id} began wrong`);
    }
  }

  async #step(step: number): Promise<void> {
    const result = this.#core.step();
    this.#abort(step, true);
    const { outputs } = await result;
    for (const output of outputs) this.#take(output);
    this.#core.checkIntegrity();
    const { numRunning, numWaiting, kvUsage } = this.#core.stats();
    check(numRunning + numWaiting === this.#live.size, 'an aborted or finished sequence is still queued');
    check(numRunning <= this.schedule.maxNumSeqs, 'too many sequences run');
    check(this.#live.size > 0 || kvUsage === 0, 'blocks outlive their sequences');
  }

  #take({ id, tokenIds, finishReason }: SequenceOutput): void {
    const live = this.#live.get(id);
    check(live !== undefined, `${id} was aborted and still answered`);
    live.tokenIds.push(...tokenIds);
    if (finishReason !== null) this.#finish(id, live, finishReason);
  }

  #finish(id: string, { arrival, tokenIds }: Live, finishReason: FinishReason): void {
    const expected = expectedAnswer(arrival.request, this.schedule.maxModelLen);
    check(isDeepStrictEqual({ tokenIds, finishReason }, expected), `${id} answered wrong`);
    this.#live.delete(id);
    this.#numFinished += 1;
  }

  #summary(numSteps: number): ScheduleSummary {
    return {
      numSteps,
      numFinished: this.#numFinished,
      numAborted: this.#numAborted,
      numRefused: this.#numRefused,
      numPreemptions: this.#core.stats().numPreemptions,
      prefixHits: this.#core.stats().prefixCacheHits,
    };
  }
}

function check(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

/** Steps of changing length, so that the pace of prefill changes: it must never change an answer. */
function randomClock({ numBlocks, maxNumBatchedTokens }: Schedule): () => number {
  let now = 0;
  let state = numBlocks * 7919 + maxNumBatchedTokens;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    now += state % 97;
    return now;
  };
}

import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { BlockManager } from '#halflight/engine/block-manager.js';
import { EngineCore } from '#halflight/engine/core.js';
import type { ModelRunner } from '#halflight/engine/model-runner.js';
import type { SequenceOutput } from '#halflight/engine/outcomes.js';
import type {
  EngineRequest,
  FinishReason,
  GenerateRequest,
  LogitsParams,
  Pooling,
} from '#halflight/engine/types.js';
import { ApiError } from '#halflight/errors.js';
import {
  expectedAnswer,
  expectedEmbedding,
  expectedLogprobs,
  FAKE_EOS,
  FAKE_VOCAB_SIZE,
  FakeRunner,
  type FakeShape,
} from './fake-runner.js';

export interface Arrival {
  readonly request: GenerateRequest;
  /** Whether the prompt is to be embedded instead, and how. */
  readonly pooling: Pooling | null;
  readonly atStep: number;
  /** Steps after its arrival from which its reader lags, and how many, told in the middle of a step or before it; null reads all the time. */
  readonly pause: {
    readonly afterSteps: number;
    readonly numSteps: number;
    readonly inFlight: boolean;
  } | null;
  /** Steps after its arrival, in the middle of the step or before it; null lets it finish. */
  readonly abort: { readonly afterSteps: number; readonly inFlight: boolean } | null;
}

export interface Schedule extends FakeShape {
  readonly maxNumSeqs: number;
  readonly maxNumBatchedTokens: number;
  readonly prefixCaching: boolean;
  readonly maxPrefillMsPerStep: number | null;
  readonly asyncScheduling: boolean;
  readonly numSpeculativeTokens: number;
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
    asyncScheduling: fc.oneof(
      { weight: 3, arbitrary: fc.constant(true) },
      { weight: 1, arbitrary: fc.constant(false) },
    ),
    numSpeculativeTokens: fc.constantFrom(0, 0, 1, 4),
    prefixCaching: fc.oneof(
      { weight: 3, arbitrary: fc.constant(true) },
      { weight: 1, arbitrary: fc.constant(false) },
    ),
    arrivals: fc.array(fc.tuple(anyArrival(), fc.constantFrom(1, 1, 1, 2, 3, 4)), {
      minLength: 1,
      maxLength: 8,
      size: 'max',
    }),
  })
  .map(({ numSlots, ...schedule }) => ({
    ...schedule,
    numBlocks: Math.ceil(numSlots / schedule.blockSize),
    arrivals: schedule.arrivals.flatMap(([arrival, n], index) => samples(arrival, n, `r${index}`)),
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
    pause: fc.oneof(
      { weight: 3, arbitrary: fc.constant(null) },
      {
        weight: 1,
        arbitrary: fc.record({
          afterSteps: fc.integer({ min: 0, max: 20 }),
          numSteps: fc.integer({ min: 1, max: 20 }),
          inFlight: fc.boolean(),
        }),
      },
    ),
    pooling: fc.constantFrom(null, null, null, null, 'mean' as const, 'last' as const),
    request: fc.record({
      id: fc.constant(''),
      promptTokenIds: anyPrompt(),
      cacheSalt: fc.constantFrom(undefined, undefined, undefined, 'a'),
      sampling: fc.record({
        maxTokens: fc.integer({ min: 1, max: 40 }),
        temperature: fc.constantFrom(0, 1),
        topK: fc.constant(0),
        topP: fc.constant(1),
        minP: fc.constant(0),
        seed: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        ignoreEos: fc.boolean(),
        stopTokenIds: fc.uniqueArray(fc.nat(FAKE_VOCAB_SIZE - 1), { maxLength: 1 }),
        logits: fc.oneof(
          { weight: 2, arbitrary: fc.constant(undefined) },
          { weight: 1, arbitrary: anyLogitsParams() },
        ),
        numLogprobs: fc.constantFrom(undefined, undefined, 0, 3),
        numPromptLogprobs: fc.constantFrom(undefined, undefined, undefined, 0, 2),
      }),
    }),
  });
}

/** Penalties or none, and bans that hold now and then: the vocabulary is small. */
function anyLogitsParams(): fc.Arbitrary<LogitsParams> {
  const token = fc.nat(FAKE_VOCAB_SIZE - 1);
  return fc.record({
    presencePenalty: fc.constantFrom(0, 0.5),
    frequencyPenalty: fc.constantFrom(0, -1),
    repetitionPenalty: fc.constantFrom(1, 1.5),
    logitBias: fc.array(fc.tuple(token, fc.integer({ min: -100, max: 100 })), { maxLength: 3 }).map(distinct),
    minTokens: fc.nat(10),
    badWords: fc.array(fc.array(fc.nat(9), { minLength: 1, maxLength: 3 }), { maxLength: 12, size: 'max' }),
    allowedTokenIds: fc.oneof(fc.constant(null), fc.uniqueArray(token, { minLength: 1, maxLength: 40 })),
  });
}

function distinct(biases: readonly (readonly [number, number])[]): [number, number][] {
  return [...new Map(biases)];
}

/** Random, or with a start that many others have. */
function anyPrompt(): fc.Arbitrary<number[]> {
  const tail = fc.array(fc.nat(FAKE_VOCAB_SIZE - 1), { minLength: 1, maxLength: 60, size: 'max' });
  const shared = fc.nat(48).map((length) => Array.from({ length }, (_, i) => (i * i) % FAKE_VOCAB_SIZE));
  const started = fc.tuple(shared, tail).map(([start, rest]) => [...start, ...rest.slice(0, 12)]);
  return fc.oneof(tail, started);
}

/** `n` answers to one prompt, which come and go together; their seeds count up. */
function samples(arrival: Arrival, n: number, id: string): Arrival[] {
  const { request } = arrival;
  return Array.from({ length: n }, (_, i) => {
    const seed = BigInt.asUintN(64, request.sampling.seed + BigInt(i));
    return { ...arrival, request: { ...request, id: `${id}-${i}`, sampling: { ...request.sampling, seed } } };
  });
}

function lastEventOf({ atStep, pause }: Arrival): number {
  return pause === null ? atStep : atStep + pause.afterSteps + pause.numSteps;
}

function requestOf({ request, pooling }: Arrival): EngineRequest {
  if (pooling === null) return request;
  const { id, promptTokenIds, cacheSalt } = request;
  return { id, promptTokenIds, pooling, ...(cacheSalt === undefined ? {} : { cacheSalt }) };
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
  readonly numAcceptedTokens: number;
}

/** Runs a schedule to its end and throws at the first broken promise of the engine. */
export async function runSchedule(schedule: Schedule, parts: Parts = {}): Promise<ScheduleSummary> {
  return new ScheduleRun(schedule, parts).run();
}

interface Live {
  readonly arrival: Arrival;
  readonly tokenIds: number[];
  readonly logprobs: number[];
  readonly promptLogprobs: number[];
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
      vocabSize: FAKE_VOCAB_SIZE,
      eosTokenIds: [FAKE_EOS],
      now: randomClock(schedule),
    });
  }

  async run(): Promise<ScheduleSummary> {
    const lastEvent = Math.max(...this.schedule.arrivals.map(lastEventOf));
    let step = 0;
    for (; step <= lastEvent || this.#core.hasWork; step++) {
      check(step < 20_000, 'the schedule does not end');
      this.#arrive(step);
      this.#abort(step, false);
      this.#pause(step, false);
      if (this.#core.hasWork) await this.#step(step);
    }
    check(this.#live.size === 0, 'a request was never answered');
    check(this.#blocks.numFree === this.schedule.numBlocks, 'blocks are still in use at the end');
    return this.#summary(step);
  }

  #arrive(step: number): void {
    for (const arrival of this.schedule.arrivals) {
      if (arrival.atStep !== step) continue;
      if (this.#add(requestOf(arrival)))
        this.#live.set(arrival.request.id, { arrival, tokenIds: [], logprobs: [], promptLogprobs: [] });
    }
  }

  /** Returns whether it was taken, which must be when it can ever fit. */
  #add(request: EngineRequest): boolean {
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

  #fits({ promptTokenIds, ...request }: EngineRequest): boolean {
    const { maxModelLen, numBlocks, blockSize } = this.schedule;
    if (!('sampling' in request))
      return promptTokenIds.length <= Math.min(maxModelLen, numBlocks * blockSize);
    const { sampling } = request;
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
      if (arrival.pooling !== null) continue;
      const expected = expectedAnswer(request, this.schedule.maxModelLen).tokenIds;
      check(isDeepStrictEqual(tokenIds, expected.slice(0, tokenIds.length)), `${id} began wrong`);
    }
  }

  /** Readers that lag, and those that have caught up. */
  #pause(step: number, inFlight: boolean): void {
    for (const [id, { arrival }] of this.#live) {
      const { pause, atStep } = arrival;
      if (pause === null) continue;
      const since = step - atStep - pause.afterSteps;
      if (since === 0 && inFlight === pause.inFlight) this.#core.pause(id);
      if (since === pause.numSteps && !inFlight) this.#core.resume(id);
    }
  }

  async #step(step: number): Promise<void> {
    const result = this.#core.step();
    this.#abort(step, true);
    this.#pause(step, true);
    const { outputs } = await result;
    for (const output of outputs) this.#take(output);
    this.#core.checkIntegrity();
    const { numRunning, numWaiting, kvUsage } = this.#core.stats();
    check(numRunning + numWaiting === this.#live.size, 'an aborted or finished sequence is still queued');
    check(numRunning <= this.schedule.maxNumSeqs, 'too many sequences run');
    check(this.#live.size > 0 || kvUsage === 0, 'blocks outlive their sequences');
  }

  #take({ id, tokenIds, finishReason, embedding, logprobs = [], promptLogprobs = [] }: SequenceOutput): void {
    const live = this.#live.get(id);
    check(live !== undefined, `${id} was aborted and still answered`);
    if (live.arrival.pooling !== null) {
      this.#takeEmbedding(id, live.arrival, embedding);
      return;
    }
    check(tokenIds.length > 0, `${id} got an output without a token`);
    live.tokenIds.push(...tokenIds);
    live.logprobs.push(...logprobs.map(({ logprob }) => logprob));
    live.promptLogprobs.push(...promptLogprobs.map(({ logprob }) => logprob));
    if (finishReason !== null) this.#finish(id, live, finishReason);
  }

  #takeEmbedding(id: string, { request, pooling }: Arrival, embedding: Float32Array | undefined): void {
    check(pooling !== null && embedding !== undefined, `${id} got no embedding`);
    const expected = expectedEmbedding(request.promptTokenIds, pooling);
    check(isDeepStrictEqual([...embedding], expected), `${id} was embedded wrong`);
    this.#live.delete(id);
    this.#numFinished += 1;
  }

  #finish(
    id: string,
    { arrival, tokenIds, logprobs, promptLogprobs }: Live,
    finishReason: FinishReason,
  ): void {
    const { promptTokenIds, sampling } = arrival.request;
    const expected = expectedAnswer(arrival.request, this.schedule.maxModelLen);
    check(isDeepStrictEqual({ tokenIds, finishReason }, expected), `${id} answered wrong`);
    const told = expectedLogprobs([...promptTokenIds, ...tokenIds]);
    const wanted = sampling.numLogprobs === undefined ? [] : told.slice(promptTokenIds.length - 1);
    check(isDeepStrictEqual(logprobs, wanted), `${id} told wrong log-probabilities`);
    const wantedOfPrompt =
      sampling.numPromptLogprobs === undefined ? [] : told.slice(0, promptTokenIds.length - 1);
    check(
      isDeepStrictEqual(promptLogprobs, wantedOfPrompt),
      `${id} told wrong log-probabilities of its prompt`,
    );
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
      numAcceptedTokens: this.#core.stats().numAcceptedTokens,
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

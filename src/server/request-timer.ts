import type { Counter, Histogram } from 'prom-client';
import type { FinishReason, PromptStats, TokenOutput } from '../engine/types.js';

/** The metrics that a sequence is counted in. */
export interface TimedMetrics {
  readonly promptTokens: Counter;
  readonly generationTokens: Counter;
  readonly ttft: Histogram;
  readonly itl: Histogram;
  readonly tpot: Histogram;
  readonly e2e: Histogram;
  readonly decodeTime: Histogram;
  readonly queueTime: Histogram;
  readonly prefillTime: Histogram;
  readonly inferenceTime: Histogram;
  readonly requestPromptTokens: Histogram;
  readonly requestGenerationTokens: Histogram;
  readonly finishRequest: (reason: FinishReason) => void;
}

/** What is known of a sequence by now. Times are on the clock of `performance.now()`. */
export interface RequestTiming {
  readonly startMs: number;
  /** From its arrival at the engine until it was scheduled, and from then to its first token; 0 before that. */
  readonly queueMs: number;
  readonly prefillMs: number;
  /** null before the first token. */
  readonly firstMs: number | null;
  readonly lastMs: number;
  readonly numPromptTokens: number;
  readonly numTokens: number;
  readonly numCachedTokens: number;
  /** null while it runs. */
  readonly reason: FinishReason | null;
}

/** Counts and times the tokens of one sequence. */
export class RequestTimer {
  #firstMs: number | null = null;
  #lastMs: number;
  #numTokens = 0;
  #numCachedTokens = 0;
  #queueMs = 0;
  #prefillMs = 0;
  #reason: FinishReason | null = null;

  constructor(
    readonly metrics: TimedMetrics,
    readonly startMs: number,
    readonly numPromptTokens: number,
    readonly onToken: () => void,
  ) {
    this.#lastMs = startMs;
  }

  get numTokens(): number {
    return this.#numTokens;
  }

  /** Prompt tokens that the prefix cache held; 0 before the first token. */
  get numCachedTokens(): number {
    return this.#numCachedTokens;
  }

  timing(): RequestTiming {
    return {
      startMs: this.startMs,
      queueMs: this.#queueMs,
      prefillMs: this.#prefillMs,
      firstMs: this.#firstMs,
      lastMs: this.#lastMs,
      numPromptTokens: this.numPromptTokens,
      numTokens: this.#numTokens,
      numCachedTokens: this.#numCachedTokens,
      reason: this.#reason,
    };
  }

  token({ timeMs, prompt }: Pick<TokenOutput, 'timeMs' | 'prompt'>): void {
    this.#numTokens += 1;
    this.metrics.generationTokens.inc();
    this.onToken();
    if (this.#firstMs === null) this.#firstToken(timeMs, prompt);
    else this.metrics.itl.observe((timeMs - this.#lastMs) / 1000);
    this.#lastMs = timeMs;
  }

  /** The prompt was computed, and no token is wanted. */
  prefilled({ timeMs, prompt }: Pick<TokenOutput, 'timeMs' | 'prompt'>): void {
    this.#firstToken(timeMs, prompt);
    this.#lastMs = timeMs;
  }

  /** Only the first call counts. */
  finish(reason: FinishReason): void {
    if (this.#reason !== null) return;
    this.#reason = reason;
    this.metrics.finishRequest(reason);
    this.metrics.requestPromptTokens.observe(this.numPromptTokens);
    this.metrics.requestGenerationTokens.observe(this.#numTokens);
    if (this.#firstMs !== null) this.#observeTimes(this.#firstMs);
  }

  #firstToken(timeMs: number, { numCachedTokens, queueMs, prefillMs }: PromptStats): void {
    this.#firstMs = timeMs;
    this.#numCachedTokens = numCachedTokens;
    this.#queueMs = queueMs;
    this.#prefillMs = prefillMs;
    this.metrics.queueTime.observe(queueMs / 1000);
    this.metrics.prefillTime.observe(prefillMs / 1000);
    this.metrics.promptTokens.inc(this.numPromptTokens);
    this.metrics.ttft.observe((timeMs - this.startMs) / 1000);
  }

  #observeTimes(firstMs: number): void {
    const decodeSeconds = (this.#lastMs - firstMs) / 1000;
    this.metrics.e2e.observe((this.#lastMs - this.startMs) / 1000);
    this.metrics.decodeTime.observe(decodeSeconds);
    this.metrics.inferenceTime.observe(this.#prefillMs / 1000 + decodeSeconds);
    if (this.#numTokens > 1) this.metrics.tpot.observe(decodeSeconds / (this.#numTokens - 1));
  }
}

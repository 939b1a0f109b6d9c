import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Engine, EngineStats, FinishReason } from '../engine/types.js';
import {
  ITERATION_TOKENS,
  oneTwoFive,
  REQUEST_SECONDS,
  SAMPLES,
  STEP_SECONDS,
  TOKEN_SECONDS,
  TTFT_SECONDS,
} from './buckets.js';
import { TOTALS, type Totals } from './engine-totals.js';
import { KeyMetrics } from './key-metrics.js';
import { RequestTimer } from './request-timer.js';
import { watch } from './watched.js';

const NANOSECONDS = 1e9;
/** At least: scrapers of every pace read the same figure. */
const LAG_WINDOW_MS = 5000;

const ADAPTER_LABELS = [
  'name',
  'vendor',
  'backend',
  'driver',
  'software',
  'f16',
  'subgroups',
  'weight_format',
  'compute_type',
];

/** vLLM's metrics under vLLM's names, and `halflight:` ones beside them. Times are seconds. */
export class Metrics {
  readonly registry = new Registry();
  /** Of every series. */
  readonly labels: Readonly<Record<string, string>>;
  readonly keys = new KeyMetrics(this.registry);
  readonly promptTokens = this.#counter(
    'vllm:prompt_tokens_total',
    'Prompt tokens of requests that have begun to answer.',
  );
  readonly generationTokens = this.#counter('vllm:generation_tokens_total', 'Generated tokens.');
  readonly ttft = this.#histogram(
    'vllm:time_to_first_token_seconds',
    'From arrival to the first token.',
    TTFT_SECONDS,
  );
  readonly itl = this.#histogram('vllm:inter_token_latency_seconds', 'Between two tokens.', TOKEN_SECONDS);
  readonly tpot = this.#histogram(
    'vllm:request_time_per_output_token_seconds',
    'Mean time between the tokens of a request.',
    TOKEN_SECONDS,
  );
  readonly e2e = this.#histogram(
    'vllm:e2e_request_latency_seconds',
    'From arrival to the last token.',
    REQUEST_SECONDS,
  );
  readonly decodeTime = this.#histogram(
    'vllm:request_decode_time_seconds',
    'From the first token to the last.',
    REQUEST_SECONDS,
  );
  readonly queueTime = this.#histogram(
    'vllm:request_queue_time_seconds',
    'From arrival at the engine until first scheduled.',
    REQUEST_SECONDS,
  );
  readonly prefillTime = this.#histogram(
    'vllm:request_prefill_time_seconds',
    'From first scheduled to the first token.',
    REQUEST_SECONDS,
  );
  readonly inferenceTime = this.#histogram(
    'vllm:request_inference_time_seconds',
    'From first scheduled to the last token.',
    REQUEST_SECONDS,
  );
  readonly requestPromptTokens: Histogram;
  readonly requestGenerationTokens: Histogram;
  readonly maxTokensParam: Histogram;
  readonly nParam = this.#histogram('vllm:request_params_n', 'Answers asked for to a prompt.', SAMPLES);
  readonly #requestSuccess = watch(
    new Counter({
      name: 'vllm:request_success_total',
      help: 'Finished requests by reason.',
      labelNames: ['finished_reason'],
      registers: [this.registry],
    }),
  );
  readonly #eventLoopDelay: IntervalHistogram;

  readonly #cacheInfo = this.#labelled('vllm:cache_config_info', 'The KV cache.', [
    'block_size',
    'num_gpu_blocks',
    'cache_dtype',
  ]);
  readonly #adapterInfo = this.#labelled(
    'halflight:adapter_info',
    'The device that computes.',
    ADAPTER_LABELS,
  );
  readonly #memory = this.#labelled('halflight:gpu_memory_bytes', 'Memory on the device by kind.', ['kind']);
  readonly #stepCounter: () => (stats: EngineStats) => void;
  /** null while the model is not loaded. */
  #engine: Engine | null = null;

  /** @param maxModelLen of the model: where the histograms of lengths end */
  constructor(modelName: string, maxModelLen: number) {
    this.labels = { model_name: modelName, engine: '0' };
    this.registry.setDefaultLabels({ ...this.labels });
    const lengths = oneTwoFive(maxModelLen);
    this.requestPromptTokens = this.#histogram(
      'vllm:request_prompt_tokens',
      'Prompt tokens of a request.',
      lengths,
    );
    this.requestGenerationTokens = this.#histogram(
      'vllm:request_generation_tokens',
      'Generated tokens of a request.',
      lengths,
    );
    this.maxTokensParam = this.#histogram(
      'vllm:request_params_max_tokens',
      'Tokens asked for at most.',
      lengths,
    );
    for (const reason of ['stop', 'length', 'abort', 'error']) {
      this.#requestSuccess.inc({ finished_reason: reason }, 0);
    }
    this.#addEngineGauges();
    this.#stepCounter = this.#addStepMetrics();
    this.#eventLoopDelay = this.#addEventLoopLag();
  }

  /** Follows an engine of the model; one at a time. */
  attach(engine: Engine): void {
    this.#engine = engine;
    this.#describe(engine);
    engine.onStep(this.#stepCounter());
  }

  /** The model was unloaded: nothing runs, and it takes no memory. */
  detach(): void {
    this.#engine = null;
    this.#memory.reset();
  }

  /**
   * Follows one sequence.
   * @param maxTokens asked for; null where none can be
   * @param startMs when its request arrived, on the clock of `TokenOutput.timeMs`; @param onToken called for each generated token
   */
  startRequest(
    startMs: number,
    numPromptTokens: number,
    maxTokens: number | null,
    onToken: () => void = () => undefined,
  ): RequestTimer {
    if (maxTokens !== null) this.maxTokensParam.observe(maxTokens);
    return new RequestTimer(this, startMs, numPromptTokens, onToken);
  }

  finishRequest(reason: FinishReason): void {
    this.#requestSuccess.inc({ finished_reason: reason });
  }

  close(): void {
    this.#eventLoopDelay.disable();
  }

  #addEngineGauges(): void {
    const read = (name: string, help: string, value: (stats: EngineStats) => number) =>
      this.#gauge(name, help, (gauge) => gauge.set(this.#engine === null ? 0 : value(this.#engine.stats())));
    read('vllm:num_requests_running', 'Sequences in the running batch.', (stats) => stats.numRunning);
    read('vllm:num_requests_waiting', 'Sequences that wait for a place.', (stats) => stats.numWaiting);
    read('vllm:kv_cache_usage_perc', 'Share of KV cache blocks in use, 0 to 1.', (stats) => stats.kvUsage);
  }

  #describe({ info }: Engine): void {
    const { software, f16, subgroups, ...adapter } = info.adapter;
    const blocks = { block_size: String(info.blockSize), num_gpu_blocks: String(info.numBlocks) };
    this.#cacheInfo.set({ ...blocks, cache_dtype: info.kvCacheType }, 1);
    const features = { software: String(software), f16: String(f16), subgroups: String(subgroups) };
    const types = { weight_format: info.weightFormat, compute_type: info.computeType };
    this.#adapterInfo.set({ ...adapter, ...features, ...types }, 1);
    for (const [kind, bytes] of Object.entries(info.memory)) this.#memory.set({ kind }, bytes);
  }

  /** Returns what counts the steps of one engine. */
  #addStepMetrics(): () => (stats: EngineStats) => void {
    const iteration = this.#histogram(
      'vllm:iteration_tokens_total',
      'Tokens computed in a step.',
      ITERATION_TOKENS,
    );
    const steps = this.#counter('halflight:steps_total', 'Steps of the engine.');
    const stepTime = this.#histogram('halflight:step_duration_seconds', 'Time of a step.', TTFT_SECONDS);
    const dispatches = this.#gauge('halflight:dispatches_per_step', 'Dispatches of the last step.');
    const counts = this.#addTotals();
    const observeParts = this.#addStepParts();
    return () => {
      const count = counts();
      return (stats) => {
        iteration.observe(stats.stepPromptTokens + stats.stepGenerationTokens);
        count(stats);
        observeParts(stats);
        steps.inc();
        stepTime.observe(stats.stepMs / 1000);
        dispatches.set(stats.numDispatches);
      };
    };
  }

  /** Counters whose totals since its start the engine reports with every step. */
  #addTotals(): () => (stats: EngineStats) => void {
    const totals = TOTALS.map(({ name, help, key }) => ({ counter: this.#counter(name, help), key }));
    return () => {
      let last: Totals | null = null;
      return (stats) => {
        for (const { counter, key } of totals) counter.inc(stats[key] - (last?.[key] ?? 0));
        last = stats;
      };
    };
  }

  #addStepParts(): (stats: EngineStats) => void {
    const part = (name: string, help: string) =>
      this.#histogram(`halflight:step_${name}_seconds`, help, STEP_SECONDS);
    const schedule = part('schedule', 'To decide a step.');
    const encode = part('encode', 'To lay out a step and send it to the device.');
    const gpu = part('gpu', 'Of a step on the device, where it can tell.');
    return ({ scheduleMs, encodeMs, gpuMs }) => {
      schedule.observe(scheduleMs / 1000);
      encode.observe(encodeMs / 1000);
      if (gpuMs !== null) gpu.observe(gpuMs / 1000);
    };
  }

  #addEventLoopLag(): IntervalHistogram {
    const delay = monitorEventLoopDelay({ resolution: 10 });
    delay.enable();
    let sinceMs = 0;
    this.#gauge(
      'halflight:event_loop_lag_seconds',
      'Event-loop delay of the last 5 s, or since the scrape before, 99th percentile.',
      (gauge) => {
        if (performance.now() - sinceMs < LAG_WINDOW_MS) return;
        gauge.set(delay.percentile(99) / NANOSECONDS);
        delay.reset();
        sinceMs = performance.now();
      },
    );
    return delay;
  }

  #counter(name: string, help: string): Counter {
    return watch(new Counter({ name, help, registers: [this.registry] }));
  }

  #histogram(name: string, help: string, buckets: number[]): Histogram {
    return watch(new Histogram({ name, help, buckets, registers: [this.registry] }));
  }

  #gauge(name: string, help: string, collect?: (gauge: Gauge) => void): Gauge {
    const read = collect === undefined ? {} : { collect: () => collect(gauge) };
    const gauge: Gauge = watch(new Gauge({ name, help, registers: [this.registry], ...read }));
    return gauge;
  }

  #labelled(name: string, help: string, labelNames: readonly string[]): Gauge {
    return watch(new Gauge({ name, help, labelNames: [...labelNames], registers: [this.registry] }));
  }
}

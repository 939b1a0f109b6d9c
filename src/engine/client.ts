import { engineFailed } from './core.js';
import type { EngineOptions } from './options.js';
import type { SequenceOutput } from './outcomes.js';
import { OutputQueue } from './output-queue.js';
import { decodeError, type EngineCommand, type EngineEvent, type Transport } from './protocol.js';
import { checkRequest } from './request.js';
import type {
  Embedding,
  EmbedRequest,
  Engine,
  EngineInfo,
  EngineRequest,
  EngineStats,
  GenerateRequest,
  TokenOutput,
} from './types.js';
import { Watchdog } from './watchdog.js';
import { startWorker, type WorkerHooks } from './worker-transport.js';

/** Loads a model in a worker thread. Rejects with UserError or CheckpointError where the model cannot be used. */
export async function createEngine(options: EngineOptions, hooks: WorkerHooks = {}): Promise<Engine> {
  const { transport, info } = await startWorker(options, hooks);
  return new EngineClient(transport, info, options.stepTimeoutMs);
}

const NO_STATS: EngineStats = {
  numRunning: 0,
  numWaiting: 0,
  kvUsage: 0,
  stepPromptTokens: 0,
  stepGenerationTokens: 0,
  numPreemptions: 0,
  prefixCacheQueries: 0,
  prefixCacheHits: 0,
  numDrafts: 0,
  numDraftTokens: 0,
  numAcceptedTokens: 0,
  stepMs: 0,
  scheduleMs: 0,
  encodeMs: 0,
  gpuMs: null,
  numDispatches: 0,
};

/** What a step gave to a request, and when it came. */
interface Delivery {
  readonly output: SequenceOutput;
  readonly timeMs: number;
}

/** Tokens that may wait for a reader: they are 0.5 KiB each, and 2 KiB with the likeliest 20. A sequence whose reader lags further is paused. */
const MAX_QUEUED_TOKENS = 64;
/** Likeliest tokens that weigh as much as a token. */
const LOGPROBS_PER_TOKEN = 8;

/** The near end of a transport: one queue of outputs per request. */
export class EngineClient implements Engine {
  readonly failed: Promise<Error>;
  readonly #reportFailure: (error: Error) => void;
  /** By the id on the wire: a number of our own, so a step of an aborted request never answers a later one of the same name. */
  readonly #queues = new Map<string, OutputQueue<Delivery>>();
  /** Those of them whose sequences are paused. */
  readonly #paused = new Set<string>();
  readonly #listeners: ((stats: EngineStats) => void)[] = [];
  readonly #silence: Watchdog;
  #outbox: EngineCommand[] = [];
  #numRequests = 0;
  #stats = NO_STATS;
  #open = true;

  constructor(
    readonly transport: Transport,
    readonly info: EngineInfo,
    stepTimeoutMs: number,
  ) {
    const { promise, resolve } = deferred<Error>();
    this.failed = promise;
    this.#reportFailure = resolve;
    // The loop's own watchdog cannot fire while a call into the driver blocks its thread; twice its time leaves it the first word.
    const silenceMs = 2 * stepTimeoutMs;
    this.#silence = new Watchdog(silenceMs, () =>
      this.#fail(new Error(`the engine was silent for ${silenceMs} ms`)),
    );
    transport.listen((event) => this.#receive(event));
  }

  async *generate(request: GenerateRequest, signal?: AbortSignal): AsyncGenerator<TokenOutput, void, void> {
    for await (const delivery of this.#deliveries(request, signal)) {
      for (const token of tokensOf(delivery)) {
        if (signal?.aborted) return;
        yield token;
      }
    }
  }

  async embed(request: EmbedRequest, signal?: AbortSignal): Promise<Embedding | null> {
    for await (const { output, timeMs } of this.#deliveries(request, signal)) {
      const { embedding: values, prompt } = output;
      if (values !== undefined) return { values, timeMs, prompt };
    }
    return null;
  }

  /** Ends with the request, or when the signal aborts it. */
  async *#deliveries(request: EngineRequest, signal?: AbortSignal): AsyncGenerator<Delivery, void, void> {
    if (signal?.aborted) return;
    checkRequest(request, this.info);
    const { id, queue } = this.#add(request);
    const onAbort = (): void => {
      this.#abort(id);
      queue.abort();
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      for (let next = await queue.next(); next !== null; next = await queue.next()) {
        yield next;
        if (next.output.finishReason !== null) return;
      }
    } finally {
      signal?.removeEventListener('abort', onAbort);
      this.#abort(id);
    }
  }

  stats(): EngineStats {
    return this.#stats;
  }

  onStep(listener: (stats: EngineStats) => void): void {
    this.#listeners.push(listener);
  }

  async close(): Promise<void> {
    this.#failRequests();
    await this.transport.close();
  }

  #add(request: EngineRequest): { id: string; queue: OutputQueue<Delivery> } {
    if (!this.#open) throw engineFailed();
    const id = String(this.#numRequests++);
    const queue = this.#createQueue(id);
    this.#queues.set(id, queue);
    this.#post({ type: 'add', request: { ...request, id } });
    if (this.#queues.size === this.#paused.size + 1) this.#silence.arm();
    return { id, queue };
  }

  #createQueue(id: string): OutputQueue<Delivery> {
    return new OutputQueue<Delivery>({
      capacity: MAX_QUEUED_TOKENS,
      weigh: weightOf,
      onFull: () => {
        if (!this.#queues.has(id)) return;
        this.#paused.add(id);
        this.#post({ type: 'pause', id });
        this.#watch();
      },
      onEmpty: () => {
        if (!this.#paused.delete(id)) return;
        this.#post({ type: 'resume', id });
        this.#watch();
      },
    });
  }

  /** Nothing is expected of an engine whose sequences are all paused. */
  #watch(): void {
    if (this.#queues.size > this.#paused.size) this.#silence.arm();
    else this.#silence.disarm();
  }

  /** Nothing to do where the request has finished. */
  #abort(id: string): void {
    if (!this.#drop(id)) return;
    this.#post({ type: 'abort', id });
  }

  #drop(id: string): boolean {
    const dropped = this.#queues.delete(id);
    this.#paused.delete(id);
    if (this.#queues.size === this.#paused.size) this.#silence.disarm();
    return dropped;
  }

  /** One message for all that this turn of the event loop asks. */
  #post(command: EngineCommand): void {
    if (this.#outbox.length === 0) setImmediate(() => this.#flush());
    this.#outbox.push(command);
  }

  #flush(): void {
    const commands = this.#outbox;
    this.#outbox = [];
    if (this.#open) this.transport.post(commands);
  }

  #receive(event: EngineEvent): void {
    if (!this.#open) return;
    this.#watch();
    switch (event.type) {
      case 'step':
        this.#receiveStep(event.outputs, event.stats);
        break;
      case 'stats':
        this.#stats = event.stats;
        break;
      case 'refused':
        this.#queues.get(event.id)?.fail(decodeError(event.error));
        this.#drop(event.id);
        break;
      case 'failed':
        this.#fail(decodeError(event.error));
        break;
      default:
        event satisfies never;
    }
  }

  #receiveStep(outputs: readonly SequenceOutput[], stats: EngineStats): void {
    const timeMs = performance.now();
    this.#stats = stats;
    for (const output of outputs) {
      const queue = this.#queues.get(output.id);
      if (output.finishReason !== null) this.#drop(output.id);
      queue?.push({ output, timeMs });
    }
    for (const listener of this.#listeners) listener(stats);
  }

  #fail(error: Error): void {
    if (!this.#open) return;
    this.#failRequests();
    this.#reportFailure(error);
  }

  #failRequests(): void {
    this.#open = false;
    this.#silence.disarm();
    for (const queue of this.#queues.values()) queue.fail(engineFailed());
    this.#queues.clear();
    this.#paused.clear();
    this.#stats = { ...this.#stats, numRunning: 0, numWaiting: 0, kvUsage: 0 };
  }
}

function weightOf({ output }: Delivery): number {
  const numTop = output.logprobs?.reduce((sum, { top }) => sum + top.length, 0) ?? 0;
  return output.tokenIds.length + numTop / LOGPROBS_PER_TOKEN;
}

function tokensOf({ output, timeMs }: Delivery): TokenOutput[] {
  const { tokenIds, finishReason, prompt, logprobs, promptLogprobs } = output;
  return tokenIds.map((tokenId, i) => {
    const reason = i === tokenIds.length - 1 ? finishReason : null;
    const told = logprobs === undefined ? {} : { logprobs: logprobs[i] };
    const toldOfPrompt = promptLogprobs === undefined || i > 0 ? {} : { promptLogprobs };
    return { tokenId, finishReason: reason, timeMs, prompt, ...told, ...toldOfPrompt };
  });
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

import { setTimeout as sleep } from 'node:timers/promises';
import type {
  Engine,
  EngineInfo,
  EngineStats,
  GenerateRequest,
  TokenOutput,
} from '#halflight/engine/types.js';
import { ApiError } from '#halflight/errors.js';

export interface FakeEngineOptions {
  /** Tokens of the answer, the last one an end token; by default a function of the prompt that runs to maxTokens. */
  readonly script?: readonly number[];
  /** Pause before each token. */
  readonly delayMs?: number;
  /** The engine dies after that many tokens of a request. */
  readonly failAfter?: number;
  /** Preemptions since the start, as every step reports them. */
  readonly numPreemptions?: number;
  readonly numCachedTokens?: number;
  readonly info?: Partial<EngineInfo>;
}

const INFO: EngineInfo = {
  maxModelLen: 128,
  maxNumSeqs: 4,
  blockSize: 16,
  numBlocks: 64,
  adapter: {
    name: 'fake',
    vendor: 'none',
    backend: 'cpu',
    driver: '',
    software: true,
    f16: false,
    subgroups: false,
  },
  memory: { weights: 1000, kv_cache: 2000, activations: 30 },
  weightFormat: 'bf16',
  computeType: 'f32',
};

/** Says the same to the same prompt, alone or beside others. */
export class FakeEngine implements Engine {
  readonly info: EngineInfo;
  readonly requests: GenerateRequest[] = [];
  numAborted = 0;
  numRunning = 0;
  readonly failed: Promise<Error>;
  readonly #listeners: ((stats: EngineStats) => void)[] = [];
  #fail: (error: Error) => void = () => undefined;

  constructor(readonly options: FakeEngineOptions = {}) {
    this.info = { ...INFO, ...options.info };
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
  }

  fail(): void {
    this.#fail(new Error('the device is lost'));
  }

  async *generate(request: GenerateRequest, signal?: AbortSignal): AsyncGenerator<TokenOutput> {
    this.requests.push(request);
    this.numRunning += 1;
    let done = false;
    try {
      for (let i = 0; !done; i++) {
        await sleep(this.options.delayMs ?? 0, undefined, { signal });
        if (this.options.failAfter === i) throw new ApiError('engine_failed', 'The engine has failed.');
        const token = this.#token(request, i);
        done = token.finishReason !== null;
        this.#step(i === 0 ? request.promptTokenIds.length : 0);
        yield token;
      }
    } catch (error) {
      if (!signal?.aborted) throw error;
    } finally {
      this.numRunning -= 1;
      if (!done) this.numAborted += 1;
    }
  }

  stats(): EngineStats {
    return this.#stats(0);
  }

  onStep(listener: (stats: EngineStats) => void): void {
    this.#listeners.push(listener);
  }

  async close(): Promise<void> {}

  #token(request: GenerateRequest, i: number): TokenOutput {
    const { script } = this.options;
    const isLast = i + 1 === request.sampling.maxTokens;
    const ended = script !== undefined && i + 1 === script.length;
    return {
      tokenId: script?.[i] ?? hashToken(request.promptTokenIds, i),
      finishReason: ended ? 'stop' : isLast ? 'length' : null,
      timeMs: performance.now(),
      prompt: { numCachedTokens: this.options.numCachedTokens ?? 0, queueMs: 250, prefillMs: 500 },
    };
  }

  #step(numPromptTokens: number): void {
    for (const listener of this.#listeners) listener(this.#stats(numPromptTokens));
  }

  #stats(stepPromptTokens: number): EngineStats {
    return {
      numRunning: this.numRunning,
      numWaiting: 0,
      kvUsage: this.numRunning / this.info.numBlocks,
      stepPromptTokens,
      stepGenerationTokens: 1,
      numPreemptions: this.options.numPreemptions ?? 0,
      prefixCacheQueries: 10,
      prefixCacheHits: this.options.numCachedTokens ?? 0,
      stepMs: 1,
      numDispatches: 7,
    };
  }
}

/** An id of the test tokenizer that is no special token: 3 to 2047. */
function hashToken(prompt: readonly number[], i: number): number {
  const seed = prompt.reduce((hash, id) => Math.imul(hash ^ id, 16777619) >>> 0, 2166136261);
  return 3 + ((Math.imul(seed ^ (i + 1), 2654435761) >>> 7) % 2045);
}

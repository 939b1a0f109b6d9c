import { setTimeout as sleep } from 'node:timers/promises';
import type {
  Embedding,
  EmbedRequest,
  Engine,
  EngineInfo,
  EngineStats,
  GenerateRequest,
  TokenLogprobs,
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
  /** Of every generated token, where a request asks for it. */
  readonly logprob?: number;
  /** What every step reports beside its tokens. */
  readonly stats?: Partial<EngineStats>;
  readonly info?: Partial<EngineInfo>;
}

const INFO: EngineInfo = {
  maxModelLen: 128,
  hiddenSize: 8,
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
  kvCacheType: 'f32',
};

/** Says the same to the same prompt, alone or beside others. */
export class FakeEngine implements Engine {
  readonly info: EngineInfo;
  readonly requests: GenerateRequest[] = [];
  readonly embedRequests: EmbedRequest[] = [];
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

  /** As many numbers as hidden states have: the first tokens' ids, each with one added. */
  async embed(request: EmbedRequest, signal?: AbortSignal): Promise<Embedding | null> {
    this.embedRequests.push(request);
    this.numRunning += 1;
    try {
      await sleep(this.options.delayMs ?? 0, undefined, { signal });
      if (this.options.failAfter === 0) throw new ApiError('engine_failed', 'The engine has failed.');
      this.#step(request.promptTokenIds.length);
      return fakeEmbedding(request, this.info.hiddenSize);
    } catch (error) {
      if (!signal?.aborted) throw error;
      this.numAborted += 1;
      return null;
    } finally {
      this.numRunning -= 1;
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
    const tokenId = script?.[i] ?? hashToken(request.promptTokenIds, i);
    return {
      ...this.#logprobs(request, i, tokenId),
      tokenId,
      finishReason: ended ? 'stop' : isLast ? 'length' : null,
      timeMs: performance.now(),
      prompt: { numCachedTokens: this.options.numCachedTokens ?? 0, queueMs: 250, prefillMs: 500 },
    };
  }

  #logprobs(request: GenerateRequest, i: number, tokenId: number): Partial<TokenOutput> {
    const { numLogprobs, numPromptLogprobs } = request.sampling;
    const prompt = request.promptTokenIds.slice(1);
    return {
      ...(numLogprobs === undefined
        ? {}
        : { logprobs: fakeLogprobs(tokenId, numLogprobs, this.options.logprob) }),
      ...(numPromptLogprobs === undefined || i > 0
        ? {}
        : { promptLogprobs: prompt.map((id) => fakeLogprobs(id, numPromptLogprobs)) }),
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
      numDrafts: 0,
      numDraftTokens: 0,
      numAcceptedTokens: 0,
      stepMs: 1,
      scheduleMs: 0.02,
      encodeMs: 0.3,
      gpuMs: null,
      numDispatches: 7,
      ...this.options.stats,
    };
  }
}

function fakeEmbedding({ promptTokenIds }: EmbedRequest, hiddenSize: number): Embedding {
  const values = Float32Array.from({ length: hiddenSize }, (_, i) => 1 + (promptTokenIds[i] ?? 0));
  const prompt = { numCachedTokens: 0, queueMs: 250, prefillMs: 500 };
  return { values, timeMs: performance.now(), prompt };
}

/** An even token is the likeliest, an odd one none of the top; the others there are the ids that follow it. */
export function fakeLogprobs(tokenId: number, numTop: number, logprob = -0.25): TokenLogprobs {
  const isFirst = tokenId % 2 === 0;
  const top = Array.from({ length: numTop }, (_, i) => ({
    tokenId: (tokenId + i + (isFirst ? 0 : 1)) % 2048,
    logprob: isFirst && i === 0 ? logprob : -1 - i,
  }));
  return { tokenId, logprob, rank: isFirst ? 1 : 99, top };
}

/** An id of the test tokenizer that is no special token: 3 to 2047. */
function hashToken(prompt: readonly number[], i: number): number {
  const seed = prompt.reduce((hash, id) => Math.imul(hash ^ id, 16777619) >>> 0, 2166136261);
  return 3 + ((Math.imul(seed ^ (i + 1), 2654435761) >>> 7) % 2045);
}

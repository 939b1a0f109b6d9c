/** What the server and the commands see of the engine. */
import type { Grammar } from '../grammar/spec.js';
import type { Pooling } from '../model/pooling.js';
import type { KvType } from '../ops/ops.js';
import type { AdapterSummary } from '../webgpu/adapter.js';

export type { AdapterSummary, Pooling };

export interface SamplingParams {
  /** Generated tokens at most. */
  readonly maxTokens: number;
  /** 0 is greedy. */
  readonly temperature: number;
  /** 0 keeps all. */
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
  /** 64 bits; the caller draws one where the user gave none. */
  readonly seed: bigint;
  /** Do not stop at the model's end tokens. */
  readonly ignoreEos: boolean;
  readonly stopTokenIds: readonly number[];
  /** Changes to the logits before a token is drawn; absent leaves them as they are. */
  readonly logits?: LogitsParams;
  /** What the text must be; absent, anything. The model's end tokens end such a text also where they are to be ignored. */
  readonly grammar?: Grammar;
  /** Tell the log-probability of each generated token and of so many of the likeliest, 0–20; absent tells none. */
  readonly numLogprobs?: number;
  /** The same for the prompt's tokens but the first. */
  readonly numPromptLogprobs?: number;
}

export interface LogitsParams {
  /** Taken from the logit of each token that the output holds; 0 is none. */
  readonly presencePenalty: number;
  /** Taken from it once for each time that the output holds it; 0 is none. */
  readonly frequencyPenalty: number;
  /** Positive logits of tokens in prompt or output are divided by it, others multiplied; 1 is none. */
  readonly repetitionPenalty: number;
  /** Token id and what is added to its logit. */
  readonly logitBias: readonly (readonly [number, number])[];
  /** No end token before so many are generated. */
  readonly minTokens: number;
  /** Sequences of tokens that must not be completed. */
  readonly badWords: readonly (readonly number[])[];
  /** The only tokens that may be drawn; null allows all. */
  readonly allowedTokenIds: readonly number[] | null;
}

/** How likely a token was, by the model's logits before any change. */
export interface TokenLogprobs {
  readonly tokenId: number;
  /** Natural logarithm. */
  readonly logprob: number;
  /** 1 for the likeliest of all. */
  readonly rank: number;
  /** The likeliest tokens, first the likeliest. */
  readonly top: readonly { readonly tokenId: number; readonly logprob: number }[];
}

export interface PromptRequest {
  /** Unique among the running ones. */
  readonly id: string;
  /** At least one, and no more than the engine's maxModelLen. */
  readonly promptTokenIds: readonly number[];
  /** Number of the adapter (LoRA) that its tokens take, from 1; absent, none. */
  readonly adapter?: number;
  /** Requests share cached prefixes only with those of the same salt; none is a salt of its own. */
  readonly cacheSalt?: string;
  /** Lower goes first, and is preempted last; default 0. */
  readonly priority?: number;
}

/** Asks for the text that follows. One token more than the prompt fits the engine's maxModelLen. */
export interface GenerateRequest extends PromptRequest {
  readonly sampling: SamplingParams;
}

/** Asks for the hidden states of the prompt's tokens, pooled. */
export interface EmbedRequest extends PromptRequest {
  readonly pooling: Pooling;
}

export type EngineRequest = GenerateRequest | EmbedRequest;

export type FinishReason = 'stop' | 'length' | 'abort' | 'error';

/** One generated token. The last one carries the reason; an end token is reported too. */
export interface TokenOutput {
  readonly tokenId: number;
  readonly finishReason: FinishReason | null;
  /** `performance.now()`-like clock of the main thread, ms, when the step's result arrived. */
  readonly timeMs: number;
  readonly prompt: PromptStats;
  /** Where the request asks for them. */
  readonly logprobs?: TokenLogprobs;
  /** With the first token, where the request asks for them: of each prompt token but the first. */
  readonly promptLogprobs?: readonly TokenLogprobs[];
}

/** What a prompt means to the model. */
export interface Embedding {
  /** Pooled hidden states after the last norm, `[hiddenSize]`, not normalised. */
  readonly values: Float32Array;
  /** As `TokenOutput.timeMs`. */
  readonly timeMs: number;
  readonly prompt: PromptStats;
}

/** How a request came to its first token. */
export interface PromptStats {
  /** Prompt tokens that the prefix cache held. */
  readonly numCachedTokens: number;
  /** From its arrival at the engine until it was scheduled for the first time. */
  readonly queueMs: number;
  /** From then to its first token. */
  readonly prefillMs: number;
}

export interface Engine {
  readonly info: EngineInfo;
  /**
   * Yields tokens as they come. Ending the iteration early, or aborting the signal, frees the sequence within two steps;
   * an aborted signal ends the iteration without a further token and without an error.
   * Throws ApiError `engine_failed` when the engine dies, `context_length_exceeded` when the request can never fit.
   */
  generate(request: GenerateRequest, signal?: AbortSignal): AsyncIterable<TokenOutput>;
  /** Resolves with null where the signal is aborted, which frees the sequence as above. Rejects with what `generate` throws. */
  embed(request: EmbedRequest, signal?: AbortSignal): Promise<Embedding | null>;
  /** Counters of the last step. */
  stats(): EngineStats;
  /** Called after every step, for the metrics. */
  onStep(listener: (stats: EngineStats) => void): void;
  /** Rejects nothing; resolves with the reason when the engine can no longer answer. A `close` is no failure. */
  readonly failed: Promise<Error>;
  close(): Promise<void>;
}

export interface EngineInfo {
  readonly maxModelLen: number;
  /** Numbers in an embedding. */
  readonly hiddenSize: number;
  readonly maxNumSeqs: number;
  readonly blockSize: number;
  readonly numBlocks: number;
  readonly adapter: AdapterSummary;
  /** Bytes on the device, by kind: weights, kv_cache, activations. */
  readonly memory: Readonly<Record<string, number>>;
  /** For example `bf16` or `int4-g32`. */
  readonly weightFormat: string;
  readonly computeType: 'f32' | 'f16';
  readonly kvCacheType: KvType;
}

export interface EngineStats {
  readonly numRunning: number;
  readonly numWaiting: number;
  /** Numbers of the adapters of running and of waiting sequences, each once; absent, there are none. */
  readonly adapters?: { readonly running: readonly number[]; readonly waiting: readonly number[] };
  /** Share of KV blocks in use, 0–1. */
  readonly kvUsage: number;
  /** Prompt tokens that the last step computed; those of a preempted sequence count again. */
  readonly stepPromptTokens: number;
  /** Tokens that the last step generated. */
  readonly stepGenerationTokens: number;
  /** Since the engine started. */
  readonly numPreemptions: number;
  /** Tokens looked up in the prefix cache and found there, since the engine started. */
  readonly prefixCacheQueries: number;
  readonly prefixCacheHits: number;
  /** Drafts that speculation proposed, their tokens, and those of them that the model confirmed, since the engine started. */
  readonly numDrafts: number;
  readonly numDraftTokens: number;
  readonly numAcceptedTokens: number;
  /** From the end of the step before, or from its own start where that is later, to its end. */
  readonly stepMs: number;
  /** CPU time to decide the step, and to lay it out and send it to the device. */
  readonly scheduleMs: number;
  readonly encodeMs: number;
  /** Time on the device; null where it cannot tell. */
  readonly gpuMs: number | null;
  readonly numDispatches: number;
}

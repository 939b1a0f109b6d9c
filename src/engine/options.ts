import { OUTLIER_THRESHOLD } from '../quant/rounding.js';

/** What an engine is built from. It crosses a thread boundary, so it is plain data. */
export interface EngineOptions {
  readonly modelDir: string;
  /** Folders of adapters (LoRA), in the order of their numbers; absent, none. */
  readonly adapters?: readonly string[];
  /** Format to quantize to while loading; null keeps the checkpoint's own. */
  readonly quantization: string | null;
  /** Magnitude from which activations stay floats, where the quantization is `llm-int8`. */
  readonly outlierThreshold: number;
  readonly computeType: 'auto' | 'float32' | 'float16';
  /** Positions of one sequence at most; null takes the model's. */
  readonly maxModelLen: number | null;
  /** Sequences in one step at most. */
  readonly maxNumSeqs: number;
  /** Tokens in one step at most, over all its sequences. */
  readonly maxNumBatchedTokens: number;
  /** Time that prefill may add to a step in which others decode; null takes three quarters of what the decodes take. */
  readonly maxPrefillMsPerStep: number | null;
  /** null takes what `gpuMemoryUtilization` leaves beside weights and activations. */
  readonly kvCacheMemoryBytes: number | null;
  /** Share of the device's memory that the engine may take, in (0, 1]. */
  readonly gpuMemoryUtilization: number;
  /** What the engine takes of the device's memory at most, beside that share; null sets no other limit. */
  readonly gpuMemoryLimitBytes: number | null;
  /** Layers whose matrices stay in host memory and are copied in every step; `auto` takes as many as must. */
  readonly offloadLayers: number | 'auto';
  /** Type of the KV cache; `auto` is that of the activations. */
  readonly kvCacheDtype: 'auto' | 'f32' | 'f16' | 'int8' | 'int4';
  /** Whether requests share the KV blocks of equal starts. */
  readonly prefixCaching: boolean;
  /** Whether a request gives the same bytes alone and in any batch, at the cost of kernels made for few tokens. */
  readonly batchInvariant: boolean;
  /** Whether the next step is sent to the device while one runs. */
  readonly asyncScheduling: boolean;
  /** Tokens that a look-up in the sequence's own text proposes for one step at most; 0 proposes none. */
  readonly numSpeculativeTokens: number;
  /** `webgpu` is the fastest GPU, `cpu` the reference, else a part of a GPU's name or its index among the adapters. */
  readonly device: string;
  /** Whether a software adapter, and the reference, are refused. */
  readonly requireGpu: boolean;
  /** Whether kernels are chosen by measuring them, or by a file in the user's cache that keeps what was measured. */
  readonly autotune: boolean;
  /** A step that takes longer fails the engine. */
  readonly stepTimeoutMs: number;
}

/** The defaults that do not depend on the model or the machine. A step on software Vulkan takes seconds, hence its timeout. */
export const ENGINE_DEFAULTS = {
  quantization: null,
  outlierThreshold: OUTLIER_THRESHOLD,
  computeType: 'auto',
  maxModelLen: null,
  maxNumSeqs: 16,
  maxNumBatchedTokens: 512,
  maxPrefillMsPerStep: null,
  kvCacheMemoryBytes: null,
  gpuMemoryUtilization: 0.9,
  gpuMemoryLimitBytes: null,
  offloadLayers: 0,
  kvCacheDtype: 'auto',
  prefixCaching: true,
  batchInvariant: false,
  asyncScheduling: true,
  numSpeculativeTokens: 0,
  device: 'webgpu',
  requireGpu: false,
  // It takes seconds and writes to the user's cache: the command line turns it on, what embeds the engine need not expect it.
  autotune: false,
  stepTimeoutMs: 60_000,
} as const satisfies Omit<EngineOptions, 'modelDir'>;

/** Tokens of prompts that one step can tell the log-probabilities of: each takes a row of logits. */
export const MAX_SCORED_TOKENS = 32;

export interface LoadProgress {
  readonly stage: 'weights' | 'autotune' | 'kernels';
  /** Bytes of the checkpoint; for `autotune` measurements. */
  readonly done: number;
  readonly total: number;
  /** A line to tell, beside how far the stage is. */
  readonly note?: string;
}

/** What an engine is built from. It crosses a thread boundary, so it is plain data. */
export interface EngineOptions {
  readonly modelDir: string;
  /** Format to quantize to while loading; null keeps the checkpoint's own. */
  readonly quantization: string | null;
  readonly computeType: 'auto' | 'float32' | 'float16';
  /** Positions of one sequence at most; null takes the model's. */
  readonly maxModelLen: number | null;
  /** Sequences in one step at most. */
  readonly maxNumSeqs: number;
  /** Tokens in one step at most, over all its sequences. */
  readonly maxNumBatchedTokens: number;
  /** Time that prefill may add to a step in which others decode; null takes three quarters of what the decodes take. */
  readonly maxPrefillMsPerStep: number | null;
  /** null takes a share of what the device has. */
  readonly kvCacheMemoryBytes: number | null;
  /** Whether requests share the KV blocks of equal starts. */
  readonly prefixCaching: boolean;
  /** Whether a request gives the same bytes alone and in any batch, at the cost of kernels made for few tokens. */
  readonly batchInvariant: boolean;
  readonly device: 'webgpu' | 'cpu';
  /** A step that takes longer fails the engine. */
  readonly stepTimeoutMs: number;
}

/** The defaults that do not depend on the model or the machine. A step on software Vulkan takes seconds, hence its timeout. */
export const ENGINE_DEFAULTS = {
  quantization: null,
  computeType: 'auto',
  maxModelLen: null,
  maxNumSeqs: 16,
  maxNumBatchedTokens: 512,
  maxPrefillMsPerStep: null,
  kvCacheMemoryBytes: null,
  prefixCaching: true,
  batchInvariant: false,
  device: 'webgpu',
  stepTimeoutMs: 60_000,
} as const satisfies Omit<EngineOptions, 'modelDir'>;

export interface LoadProgress {
  /** For example `weights` or `pipelines`. */
  readonly stage: string;
  readonly loadedBytes: number;
  readonly totalBytes: number;
}

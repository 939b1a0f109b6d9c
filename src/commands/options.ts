import type { OptionName } from '../config.js';

/** Which options each command takes, apart from the commands' code: the help is printed without loading an engine. */

/** Options of every command with a MODEL: what to take where it is a repository. */
export const HUB_OPTIONS = ['gguf-file', 'local-files-only'] as const satisfies readonly OptionName[];

/** Options of every command that loads a model. */
export const MODEL_OPTIONS = [
  ...HUB_OPTIONS,
  'max-model-len',
  'kv-cache-memory',
  'gpu-memory-utilization',
  'gpu-memory-limit',
  'offload-layers',
  'kv-cache-dtype',
  'dtype',
  'quantization',
  'outlier-threshold',
  'batch-invariant',
  'no-autotune',
  'device',
  'require-gpu',
] as const satisfies readonly OptionName[];

/** Options of `serve` that concern one model. */
export const SERVED_MODEL_OPTIONS = [
  'lora',
  'tool-call-parser',
  'reasoning-parser',
  'pooling',
  ...MODEL_OPTIONS,
  'max-num-seqs',
  'max-num-batched-tokens',
  'max-prefill-ms-per-step',
  'no-enable-prefix-caching',
  'no-async-scheduling',
  'speculative-num-tokens',
] as const satisfies readonly OptionName[];

export const SERVE_OPTIONS = [
  'host',
  'port',
  'served-model-name',
  'model-config',
  'max-loaded-models',
  'api-key',
  'api-key-file',
  'requests-per-minute',
  'tokens-per-minute',
  'insecure-no-auth',
  'trust-request-chat-template',
  ...SERVED_MODEL_OPTIONS,
  'max-queued-requests',
  'sse-keepalive',
  'slow-reader-timeout',
  'drain-delay',
  'shutdown-timeout',
  'otlp-endpoint',
  'log-prompts',
  'log-level',
  'config',
  'help',
] as const satisfies readonly OptionName[];

export const GENERATE_OPTIONS = [
  'prompt',
  'prompt-token-ids',
  'max-tokens',
  'temperature',
  'top-p',
  'top-k',
  'min-p',
  'seed',
  'ignore-eos',
  ...MODEL_OPTIONS,
  'json',
  'save-logits',
  'config',
  'help',
] as const satisfies readonly OptionName[];

export const EVAL_OPTIONS = [
  'text',
  'protocol',
  'window',
  'stride',
  'against',
  'task',
  ...MODEL_OPTIONS,
  'json',
  'config',
  'help',
] as const satisfies readonly OptionName[];

export const COMPARE_OPTIONS = [
  'schemes',
  'text',
  'html',
  'protocol',
  'window',
  'stride',
  'input-len',
  'output-len',
  'repeats',
  ...MODEL_OPTIONS.filter((name) => name !== 'quantization'),
  'json',
  'config',
  'help',
] as const satisfies readonly OptionName[];

export const PULL_OPTIONS = [...HUB_OPTIONS, 'config', 'help'] as const satisfies readonly OptionName[];

export const QUANTIZE_OPTIONS = [
  'scheme',
  'target-bits',
  'target-size',
  'quantize-embeddings',
  'method',
  'activation-range',
  'format',
  'keep',
  'calibration',
  'calibration-samples',
  'calibration-length',
  'device',
  'require-gpu',
  'max-shard-size',
  'overwrite',
  'dry-run',
  ...HUB_OPTIONS,
  'json',
  'config',
  'help',
] as const satisfies readonly OptionName[];

export const INSPECT_OPTIONS = [
  ...HUB_OPTIONS,
  'device',
  'require-gpu',
  'quantization',
  'dtype',
  'kv-cache-dtype',
  'max-model-len',
  'gpu-memory-utilization',
  'gpu-memory-limit',
  'json',
  'config',
  'help',
] as const satisfies readonly OptionName[];

export const BENCH_OPTIONS = [
  'concurrency',
  'input-len',
  'output-len',
  'long-input-len',
  'repeats',
  'random-weights',
  'batch-size',
  'shape',
  'tokens',
  'formats',
  ...MODEL_OPTIONS,
  'max-num-batched-tokens',
  'no-async-scheduling',
  'speculative-num-tokens',
  'json',
  'config',
  'help',
] as const satisfies readonly OptionName[];

/** What load is sent where. */
export const LOAD_OPTIONS = [
  'base-url',
  'model',
  'backend',
  'api-key',
  'dataset',
  'input-len',
  'output-len',
  'vocab-size',
  'num-prefixes',
  'prefix-len',
  'num-prompts',
  'num-warmups',
  'burstiness',
  'goodput',
  'ignore-eos',
  'temperature',
  'seed',
  'request-timeout',
  'csv',
  'html',
  'json',
  'config',
  'help',
] as const satisfies readonly OptionName[];

export const BENCH_SERVE_OPTIONS = [
  'request-rate',
  'max-concurrency',
  'server-metrics',
  'recovery',
  'save-result',
  'result-filename',
  ...LOAD_OPTIONS,
] as const satisfies readonly OptionName[];

/** A level has as many requests as its load needs, so their number is not asked for where the load is requests at once. */
export const BENCH_SWEEP_OPTIONS = [
  'max-concurrency',
  'num-rounds',
  'request-rates',
  ...LOAD_OPTIONS,
] as const satisfies readonly OptionName[];

export const BENCH_COMPARE_OPTIONS = [
  'variants',
  'concurrency',
  'repeats',
  'num-rounds',
  'input-len',
  'output-len',
  'goodput',
  'seed',
  'text',
  'quality-windows',
  'protocol',
  'window',
  'stride',
  'html',
  'csv',
  ...MODEL_OPTIONS.filter((name) => name !== 'quantization'),
  'json',
  'config',
  'help',
] as const satisfies readonly OptionName[];

export const DOCTOR_OPTIONS = ['config', 'help'] as const satisfies readonly OptionName[];

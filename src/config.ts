import {
  bytes,
  choice,
  flag,
  integer,
  integers,
  lengths,
  list,
  names,
  number,
  numbers,
  type Option,
  optional,
  orAuto,
  orInf,
  parseStrict,
  text,
} from './option-kinds.js';

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

export const OPTIONS = {
  host: text('127.0.0.1', 'ADDRESS', 'Address to listen on'),
  port: integer(8000, [0, 65_535], 'Port to listen on; 0 takes a free one'),
  'served-model-name': list(
    'NAME',
    'Name of the model in the API, instead of its folder’s; may be repeated: for one MODEL all are its names, for several one each',
  ),
  lora: list(
    'NAME=PATH',
    'Adapter (LoRA) of the model, a folder as PEFT saves it, which requests choose by its name; may be repeated',
  ),
  'model-config': optional(
    text('', 'FILE', 'JSON of models to serve: {"models": [{"model": …, "name": …, "quantization": …}]}'),
  ),
  'max-loaded-models': integer(
    1000,
    [1, 1000],
    'Of several models, those that are loaded at once at most; --gpu-memory-limit bounds their memory',
  ),
  'api-key': list('KEY', 'Key that requests must carry; may be repeated'),
  'api-key-file': optional(
    text('', 'FILE', 'Keys with names, which metrics and log tell: lines name: key, or name: sha256:HASH'),
  ),
  'requests-per-minute': optional(
    integer(0, [1, 1_000_000], 'Requests (POST) that a key may send; beyond them the answer is 429'),
  ),
  'tokens-per-minute': optional(
    integer(0, [1, 2 ** 31], 'Tokens of prompts and answers that a key may spend; beyond them it is 429'),
  ),
  'insecure-no-auth': flag('Listen on an address other than this machine’s own without a key'),
  'trust-request-chat-template': flag('Let requests bring a chat template of their own'),
  'tool-call-parser': text('auto', 'NAME', 'How the model writes calls, such as hermes; none looks for none'),
  'reasoning-parser': text(
    'auto',
    'NAME',
    'How it writes what it thinks, such as qwen3; none tells none apart',
  ),
  pooling: choice(
    'auto',
    ['auto', 'mean', 'last'],
    'How /v1/embeddings pools hidden states: their mean, or the last token’s; auto is what the model’s 1_Pooling/config.json or GGUF file says, else the mean',
  ),
  'max-model-len': optional(
    integer(0, [1, 2 ** 24], 'Tokens of prompt and answer at most; default: the model’s'),
  ),
  'max-num-seqs': integer(16, [1, 1024], 'Sequences computed in one step at most'),
  'max-num-batched-tokens': integer(512, [1, 65_536], 'Tokens computed in one step at most'),
  'max-queued-requests': integer(
    256,
    [0, 1_000_000],
    'Requests that may wait; beyond them the answer is 429',
  ),
  'sse-keepalive': number(
    15,
    [0, 3600],
    'Seconds of silence after which a stream sends a comment; 0 sends none',
  ),
  'slow-reader-timeout': number(
    30,
    [0.1, 3600],
    'Seconds after which a client that reads nothing of its stream is dropped',
  ),
  'drain-delay': number(
    0,
    [0, 3600],
    'Seconds after SIGTERM in which requests are still taken while /health says 503, so that balancers notice',
  ),
  'shutdown-timeout': number(30, [0.1, 86_400], 'Seconds in which running answers may finish after that'),
  'otlp-endpoint': optional(
    text(
      '',
      'URL',
      'OpenTelemetry collector that gets a trace of each request, such as http://localhost:4318',
    ),
  ),
  'log-prompts': flag('Log the text of prompts with each request; they may be private'),
  'max-prefill-ms-per-step': optional(
    number(0, [0, 1e6], 'Time for prompts in a step in which others decode; default: 3/4 of what these take'),
  ),
  'no-enable-prefix-caching': flag('Compute every prompt anew, also where an earlier one began alike'),
  'batch-invariant': flag('Give a request the same bytes alone and in any batch; slower for few requests'),
  'kv-cache-memory': optional(
    bytes('Memory of the KV cache, such as 512MiB or 4GB; default: --gpu-memory-utilization'),
  ),
  'gpu-memory-utilization': number(
    0.9,
    [0.01, 1],
    'Share of the device’s memory to take, where --kv-cache-memory does not say how much',
  ),
  'gpu-memory-limit': optional(
    bytes('Memory of the device that is taken at most, such as 24GiB, beside --gpu-memory-utilization'),
  ),
  'offload-layers': orAuto(
    integer(
      0,
      [0, 10_000],
      'Layers that stay in host memory and are copied in every step; auto: as many as must',
    ),
  ),
  'kv-cache-dtype': choice(
    'auto',
    ['auto', 'f32', 'f16', 'int8', 'int4'],
    'Type of the KV cache; auto is that of --dtype',
  ),
  'no-autotune': flag(
    'Take the kernels’ default sizes instead of measuring at the first start which are fastest',
  ),
  'no-async-scheduling': flag('Send a step to the device only when the one before has ended'),
  'speculative-num-tokens': integer(
    0,
    [0, 16],
    'Tokens to guess from the text itself and check in one step; 0 guesses none',
  ),
  dtype: choice('auto', ['auto', 'float32', 'float16'], 'Type of activations and KV cache'),
  quantization: optional(
    text(
      '',
      'FORMAT',
      'Round the weights while loading: int8, int4, int3, int2, int4-g128, …; w8a8, w4a8: activations to INT8 too, with a scale for a token w8a8-token, w4a8-token; llm-int8: but outliers',
    ),
  ),
  'outlier-threshold': number(6, [1e-3, 1e6], 'Activations of this size stay floats with llm-int8'),
  device: text(
    'webgpu',
    'NAME|INDEX',
    'GPU by a part of its name, or by its place in the list of halflight doctor; webgpu: the fastest; cpu: the slow reference',
  ),
  'require-gpu': flag('Refuse a software adapter: end with the reason instead of computing on the CPU'),
  'gguf-file': optional(
    text('', 'NAME', 'GGUF file to take from a repository, which org/name:Q4_K_M picks too'),
  ),
  'local-files-only': flag('Take what the cache has of a repository, without the network'),
  'log-level': choice('info', LOG_LEVELS, 'Least severe line that is logged'),
  prompt: optional(text('', 'TEXT', 'Text to go on from; special tokens in it are read as such')),
  'prompt-token-ids': optional(integers([], [0, 2 ** 32 - 1], 'Token ids to go on from, instead of text')),
  'max-tokens': integer(128, [1, 2 ** 24], 'Tokens to generate at most'),
  temperature: number(0, [0, 100], 'Randomness; 0 takes the likeliest token'),
  'top-p': number(1, [0.001, 1], 'Keep the likeliest tokens up to this probability'),
  'top-k': integer(0, [0, 2 ** 24], 'Keep so many of the likeliest tokens; 0 keeps all'),
  'min-p': number(0, [0, 1], 'Drop tokens less likely than this share of the likeliest'),
  seed: integer(0, [0, Number.MAX_SAFE_INTEGER], 'Seed of the draws'),
  'ignore-eos': flag('Do not stop at the model’s end tokens'),
  'save-logits': optional(text('', 'FILE', 'Write the prompt’s logits, f32 [tokens, vocab], as safetensors')),
  text: optional(text('', 'FILE', 'Text to predict; special tokens in it are read as such')),
  protocol: choice(
    'windows',
    ['windows', 'gptq-2048', 'llamacpp-512', 'sliding'],
    'How the text is cut and scored; figures of one protocol alone compare',
  ),
  window: optional(
    integer(0, [2, 2 ** 20], 'Tokens in a window, where the protocol leaves it open; default: 512'),
  ),
  stride: optional(integer(0, [1, 2 ** 20], 'Tokens that a sliding window moves on by; default: half of it')),
  against: optional(
    text(
      '',
      'MODEL',
      'Model whose predictions are the reference; full: the same without --quantization and --kv-cache-dtype',
    ),
  ),
  task: optional(text('', 'FILE', 'Questions with choices, {"context", "choices", "answer"} a line')),
  schemes: names(
    ['full', 'int8', 'int4'],
    'full,int8,…',
    'What is compared: full is MODEL as it is stored, others are values of --quantization, or paths of models',
  ),
  html: optional(text('', 'FILE', 'Write a page with the figures, which needs no network')),
  concurrency: integers([1, 4, 16], [1, 1024], 'Requests at once, one measurement for each number'),
  'input-len': lengths(16, 1, 'Tokens of each prompt'),
  'output-len': lengths(64, 2, 'Tokens of each answer'),
  'long-input-len': integer(900, [2, 2 ** 24], 'Tokens of the prompt that comes amid running streams'),
  repeats: integer(3, [1, 1000], 'Measurements of each kind; the median is shown'),
  'random-weights': optional(
    text('', 'SHAPE', 'Weights made on the spot in the shape of a published model, such as Llama-3.1-8B'),
  ),
  'batch-size': integers([1], [1, 1024], 'Requests at once, one measurement for each number'),
  shape: optional(
    text('', 'SHAPE', 'Published model whose shapes are measured; default: one that suits the adapter'),
  ),
  tokens: integers(
    [1, 8, 64, 512],
    [1, 4096],
    'Tokens that kernels compute, one measurement for each number',
  ),
  formats: list(
    'FORMAT',
    'Weight format that kernels are measured with; may be repeated; default: the most common',
  ),
  scheme: optional(
    text(
      '',
      'SCHEME',
      'int8, int6, int5, int4, int3 or int2, each with -g32, -g64, -g128, -g256 or -channel and with -asym; int8-tensor; nf4 or fp4, each with -dq; w8a8, w8a8-static, w8a8-integer; w4a8, also with -g64, -g128 or -channel; of GGUF q4_0, q4_k_m, q4_k_s, q5_k_m, q6_k, q8_0, f16, bf16, f32 (default: int4)',
    ),
  ),
  'target-bits': optional(
    number(
      0,
      [1, 16],
      'Choose a format for each matrix, so that a weight takes so many bits on average, scales included',
    ),
  ),
  'target-size': optional(
    bytes('Choose a format for each matrix, so that all weights together take so many bytes'),
  ),
  'quantize-embeddings': flag('Quantize embeddings and output matrix too'),
  method: text(
    'rtn',
    'METHOD',
    'How codes are chosen: rtn, rtn-search, hqq; with a text imatrix, gptq, gptq-plain, gptq-act-order, awq, awq-gptq, smoothquant, smoothquant-gptq',
  ),
  'activation-range': optional(
    choice(
      'minmax',
      ['minmax', 'ema', 'percentile', 'mse', 'entropy'],
      'How the range of static activations is chosen; default: minmax',
    ),
  ),
  format: choice(
    'auto',
    ['auto', 'compressed-tensors', 'gptq', 'awq', 'bitsandbytes', 'gguf'],
    'Layout of the files; auto is compressed-tensors, bitsandbytes for nf4, and gguf for schemes of GGUF',
  ),
  keep: list(
    'MODULE[=f32|f16|bf16]',
    'Module that is not quantized, such as *.down_proj or lm_head=f16; may be repeated',
  ),
  calibration: list(
    'FILE',
    'Text, or .jsonl of messages, to calibrate with; may be repeated; default: the bundled text',
  ),
  'calibration-samples': integer(128, [1, 2 ** 20], 'Pieces of the calibration text that are taken'),
  'calibration-length': integer(512, [1, 2 ** 20], 'Tokens of each piece'),
  'max-shard-size': optional(bytes('Weights in one file at most; default: 5GB')),
  overwrite: flag('Replace OUT where it exists, and begin anew what was left unfinished'),
  'dry-run': flag('Tell what would be done, and what it takes, and do nothing'),
  'base-url': text('http://127.0.0.1:8000', 'URL', 'Server to load'),
  model: optional(text('', 'NAME', 'Name of the model in the API; default: the first of /v1/models')),
  backend: choice(
    'openai',
    ['openai', 'openai-chat', 'vllm', 'llama-server'],
    'API that is asked: completions, chat completions, completions with vLLM’s parameters, or llama.cpp’s own /completion',
  ),
  dataset: text(
    'random',
    'random|bundled|prefix|FILE',
    'Prompts: random tokens, texts that come along, starts that are shared, or a file (.jsonl, or ShareGPT’s .json)',
  ),
  'vocab-size': integer(1000, [2, 2 ** 24], 'Random tokens have ids below it'),
  'num-prefixes': integer(4, [1, 100_000], 'Different starts, with --dataset prefix'),
  'prefix-len': integer(64, [1, 2 ** 24], 'Tokens of a shared start, beside those of --input-len'),
  'num-prompts': integer(100, [1, 1_000_000], 'Requests that are measured'),
  'num-warmups': integer(1, [0, 100_000], 'Requests before, one after another, that count for nothing'),
  'request-rate': orInf(
    number(
      Number.POSITIVE_INFINITY,
      [1e-6, 1e6],
      'Requests a second that arrive; inf sends at once all that may run',
    ),
  ),
  burstiness: number(
    1,
    [1e-3, 1e6],
    'Shape of the gamma distribution of the times between arrivals: 1 is a Poisson process, less comes in bursts',
  ),
  'max-concurrency': optional(
    integer(0, [1, 100_000], 'Requests at once at most; the next is sent when one ends'),
  ),
  goodput: list(
    'METRIC:MS',
    'What a good answer keeps, as ttft:500 tpot:50 (or itl, e2el), in ms; may be several',
  ),
  'request-rates': optional(
    numbers([], [1e-6, 1e6], 'Rates to go through, ascending, in place of numbers of requests at once'),
  ),
  'num-rounds': integer(4, [1, 10_000], 'Requests of a level for each one at once; 8 at least'),
  variants: names(
    ['fp16', 'int8', 'int4'],
    'fp16,int8,…',
    'What is compared: fp16 is MODEL as it is stored, others are values of --quantization, or paths of models; the first is what others are held against',
  ),
  'quality-windows': integer(8, [1, 100_000], 'Windows of the text that quality is measured on, at most'),
  'request-timeout': number(600, [0.01, 86_400], 'Seconds after which a request has failed'),
  'server-metrics': flag('Read the server’s /metrics meanwhile, and compare its figures'),
  recovery: flag('Ask again afterwards until one request is answered, and tell how long that took'),
  'save-result': flag('Write the figures as JSON to --result-filename'),
  'result-filename': optional(
    text('', 'FILE', 'Name for --save-result; default: made of backend, rate, model and time'),
  ),
  csv: optional(text('', 'FILE', 'Write the figures as a table of comma-separated values')),
  config: optional(
    text(
      '',
      'FILE',
      'JSON with options by their names, {"port": 8001, …}; environment and command line go first',
    ),
  ),
  json: flag('Print one JSON object'),
  help: flag('Print this help'),
} as const satisfies Record<string, Option<unknown>>;

export type OptionName = keyof typeof OPTIONS;
type ValueOf<O> = O extends Option<infer T> ? T : never;
export type Values<Name extends OptionName> = { readonly [N in Name]: ValueOf<(typeof OPTIONS)[N]> };

export interface ParsedLine<Name extends OptionName> {
  readonly values: Values<Name>;
  readonly positionals: readonly string[];
}

/** Reads a command line that may carry the options `names`. Throws UserError that names the option and says what it takes. */
export function parseLine<Name extends OptionName>(
  args: readonly string[],
  names: readonly Name[],
): ParsedLine<Name> {
  const { values: given, positionals } = parseStrict(args, OPTIONS, names);
  const values: Partial<Record<Name, unknown>> = {};
  for (const name of names) {
    const option: Option<unknown> = OPTIONS[name];
    const texts = given[name];
    values[name] =
      texts === undefined ? option.default : option.parse([texts].flat().map(String), `--${name}`);
  }
  return { values: values as Values<Name>, positionals };
}

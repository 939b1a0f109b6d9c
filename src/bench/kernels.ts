import type { ModelConfig } from '../model/config.js';
import type { KvType, Ops } from '../ops/ops.js';
import { RESULT } from '../ops/result-layout.js';
import { activationType, FLOAT_FORMATS, parseQuantization, STORED_FORMATS } from '../quant/formats.js';
import type { WeightFormat } from '../quant/weight.js';
import { type TimingOptions, timesOnDevice } from '../webgpu/device-time.js';
import { attentionCases } from './attention-cases.js';
import { benchCapacity, MAX_LOGITS_ROWS } from './kernel-batches.js';
import type { CaseContext, KernelCase } from './kernel-case.js';
import { embedCases, linearCases } from './linear-cases.js';
import { plainCases } from './plain-cases.js';
import { type AdapterRates, peakFmas } from './probes.js';
import { RandomWords } from './random-weights.js';
import { quantile } from './throughput.js';

/** Formats that are timed where none is named: the most common of those that a kernel reads in a way of its own. */
export const KERNEL_FORMATS = [
  'f32',
  'f16',
  'bf16',
  'int8',
  'int8-g128',
  'int4',
  'int4-g128',
  'int4-asym',
  'w8a8',
  'w4a8',
] as const;

/** All formats that can be timed, by the names of `--quantization` and of checkpoints. */
export const BENCH_FORMATS: readonly string[] = [
  ...KERNEL_FORMATS,
  'int3',
  'int2',
  ...Object.keys(STORED_FORMATS),
];

export interface KernelBenchOptions {
  readonly config: ModelConfig;
  /** Names of weight formats. */
  readonly formats: readonly string[];
  readonly kvTypes: readonly KvType[];
  readonly tokenCounts: readonly number[];
  readonly timing: TimingOptions;
  /** See `CaseContext`. */
  readonly workingSetBytes: number;
}

export interface KernelTiming {
  readonly name: string;
  readonly shape: string;
  /** Of the weight, or of the KV cache; null for operations with neither. */
  readonly format: string | null;
  readonly tokens: number;
  /** Of one run on the device, median. */
  readonly microseconds: number;
  readonly bytes: number;
  readonly bytesPerSecond: number;
  /** Of the copy's bandwidth, 1 is all of it. Above 1 where caches served what was read before. */
  readonly copyShare: number;
  readonly multiplyAddsPerSecond: number | null;
  /** Of the rate that the probes reach: of multiply-adds in registers, or of subgroup matrices where products may take them. */
  readonly fmaShare: number | null;
}

/** Times every operation of a model by itself. Throws UserError for a format that is not known. */
export async function* measureKernels<B>(
  ops: Ops<B>,
  options: KernelBenchOptions,
  rates: AdapterRates,
): AsyncGenerator<KernelTiming> {
  const context = caseContext(ops, options);
  const peak = peakFmas(rates, ops.computeType);
  // Read after every measurement: results that every kernel's work comes before.
  const finish = async () => (await ops.readWords(context.results, 1)).gpuMs;
  for (const [format, kernel] of allCases(context, options)) {
    await ops.prepare(() => kernel.enqueue(0));
    const times = await timesOnDevice(kernel.enqueue, finish, options.timing);
    yield rate(kernel, format, quantile(times, 0.5), rates.copyBytesPerSecond, peak);
  }
}

/** The format that a name of `BENCH_FORMATS` or `--quantization` stands for. Throws UserError. */
export function namedFormat(name: string): WeightFormat {
  const known: Readonly<Record<string, WeightFormat>> = { ...FLOAT_FORMATS, ...STORED_FORMATS };
  if (Object.hasOwn(known, name)) return known[name];
  return parseQuantization(name);
}

function caseContext<B>(ops: Ops<B>, options: KernelBenchOptions): CaseContext<B> {
  const { config, tokenCounts, workingSetBytes } = options;
  const maxTokens = Math.max(...tokenCounts, MAX_LOGITS_ROWS);
  return {
    ops,
    config,
    workingSetBytes,
    maxTokens,
    random: new RandomWords(1),
    batch: ops.batch(benchCapacity(maxTokens)),
    results: ops.tensor(MAX_LOGITS_ROWS, RESULT.words, 'u32', 'activations'),
  };
}

type FormatCase = readonly [format: string | null, kernel: KernelCase];

function* allCases<B>(context: CaseContext<B>, options: KernelBenchOptions): Generator<FormatCase> {
  const { formats, kvTypes, tokenCounts } = options;
  for (const name of formats) {
    const [format, activations] = [namedFormat(name), activationType(name)];
    yield* inFormat(name, linearCases(context, format, tokenCounts, activations));
    // Only products round activations.
    if (activations === 'float') yield* inFormat(name, embedCases(context, format, tokenCounts));
  }
  for (const type of kvTypes) yield* inFormat(type, attentionCases(context, type, tokenCounts));
  yield* inFormat(null, plainCases(context, tokenCounts));
}

function* inFormat(name: string | null, cases: Iterable<KernelCase>): Generator<FormatCase> {
  for (const kernel of cases) yield [name, kernel];
}

function rate(
  { name, shape, tokens, bytes, multiplyAdds }: KernelCase,
  format: string | null,
  ms: number,
  copyBytesPerSecond: number,
  peakFmasPerSecond: number,
): KernelTiming {
  const bytesPerSecond = (1000 * bytes) / ms;
  const multiplyAddsPerSecond = multiplyAdds === null ? null : (1000 * multiplyAdds) / ms;
  return {
    name,
    shape,
    format,
    tokens,
    microseconds: 1000 * ms,
    bytes,
    bytesPerSecond,
    copyShare: bytesPerSecond / copyBytesPerSecond,
    multiplyAddsPerSecond,
    fmaShare: multiplyAddsPerSecond === null ? null : multiplyAddsPerSecond / peakFmasPerSecond,
  };
}

import { BENCH_FORMATS, KERNEL_FORMATS, type KernelTiming, measureKernels } from '../bench/kernels.js';
import { type MeasuredAdapter, measureAdapter } from '../bench/probes.js';
import { LARGEST_SHAPE, SMALLEST_SHAPE, shapeConfig } from '../bench/shapes.js';
import { webgpuBackend } from '../engine/backend.js';
import type { EngineOptions } from '../engine/options.js';
import { UserError } from '../errors.js';
import type { KvType } from '../ops/ops.js';
import type { TimingOptions } from '../webgpu/device-time.js';
import type { BenchReport, BenchValues } from './bench-report.js';
import { formatBytes, formatPercent, formatTable } from './format.js';
import { showProgress } from './progress.js';

/** Long enough that the clock's steps do not show. */
const TARGET_MS = 20;
/** An idle GPU takes about so long to raise its clocks. */
const WARM_UP_MS = 100;
/** More than a GPU's last-level cache holds. A software adapter computes longer than it loads, from whatever memory. */
const WORKING_SET_BYTES = { hardware: 2 ** 28, software: 0 } as const;

/** Every kernel of a model's shape by itself, held against a copy and against multiply-adds in registers. */
export async function benchKernels(values: BenchValues, args: readonly string[]): Promise<BenchReport> {
  if (args.length > 0)
    throw new UserError(`bench kernels: takes no argument, but got ${args[0]}; see --shape`);
  const formats = checkFormats(values.formats);
  if (values.shape !== null) await shapeConfig(values.shape, '--shape');
  const timing = { repeats: values.repeats, targetMs: TARGET_MS, warmUpMs: WARM_UP_MS };
  if (values.device === 'cpu') throw new UserError('bench kernels: --device cpu has no kernels to measure');
  const measured = await measureAdapter(timing, deviceOptions(values));
  const shape = values.shape ?? (measured.adapter.software ? SMALLEST_SHAPE : LARGEST_SHAPE);
  const { computeType, results } = await measureShape(values, shape, formats, timing, measured);
  return {
    json: { ...measured, shape, computeType, results },
    lines: [
      ...adapterLines(measured),
      `shapes of ${shape}, computing in ${computeType}`,
      ...formatTable([HEADS, ...results.map(row)]),
    ],
  };
}

async function measureShape(
  values: BenchValues,
  shape: string,
  formats: readonly string[],
  timing: TimingOptions,
  { adapter, rates }: MeasuredAdapter,
): Promise<{ computeType: 'f32' | 'f16'; results: readonly KernelTiming[] }> {
  const asked = {
    computeType: values.dtype,
    batchInvariant: values['batch-invariant'],
    ...deviceOptions(values),
  };
  const { ops } = await webgpuBackend(asked);
  const { computeType } = ops;
  const options = {
    config: await shapeConfig(shape, '--shape'),
    formats,
    kvTypes: kvTypes(values['kv-cache-dtype'], computeType),
    tokenCounts: values.tokens,
    timing,
    workingSetBytes: WORKING_SET_BYTES[adapter.software ? 'software' : 'hardware'],
  };
  try {
    return { computeType, results: await collect(measureKernels(ops, options, rates)) };
  } finally {
    ops.destroy();
  }
}

function deviceOptions(values: BenchValues): Pick<EngineOptions, 'device' | 'requireGpu'> {
  return { device: values.device, requireGpu: values['require-gpu'] };
}

/** The adapter and what it reaches, for a report's head. */
export function adapterLines({ adapter, rates }: MeasuredAdapter): string[] {
  const { copyBytesPerSecond, copiedBytes, fmasPerSecond, matrixFmasPerSecond, dispatchMicroseconds } = rates;
  const ofMatrices =
    matrixFmasPerSecond === null ? '' : `, ${giga(matrixFmasPerSecond)} of subgroup matrices`;
  return [
    `${adapter.name}; ${adapter.driver}`,
    `copy ${formatBytes(copyBytesPerSecond)}/s (of ${formatBytes(copiedBytes)}), ${giga(fmasPerSecond)} G multiply-adds/s in registers${ofMatrices}, ${dispatchMicroseconds.toFixed(1)} µs a dispatch`,
  ];
}

/** Throws UserError for a format that is not known. */
function checkFormats(names: readonly string[]): readonly string[] {
  for (const name of names) {
    if (!BENCH_FORMATS.includes(name)) {
      throw new UserError(`--formats: ${JSON.stringify(name)} is none of ${BENCH_FORMATS.join(', ')}`);
    }
  }
  return names.length === 0 ? KERNEL_FORMATS : names;
}

function kvTypes(asked: BenchValues['kv-cache-dtype'], computeType: 'f32' | 'f16'): readonly KvType[] {
  return asked === 'auto' ? [computeType, 'int8', 'int4'] : [asked];
}

async function collect(timings: AsyncIterable<KernelTiming>): Promise<KernelTiming[]> {
  const display = showProgress();
  const all: KernelTiming[] = [];
  for await (const timing of timings) {
    all.push(timing);
    display.update({ stage: 'measuring kernels', done: all.length, total: all.length });
  }
  display.stop();
  return all;
}

const HEADS = [
  'kernel',
  'shape',
  'format',
  'tokens',
  'µs',
  'moved',
  'bytes/s',
  'of copy',
  'GMAC/s',
  'of FMA',
];

function row(timing: KernelTiming): string[] {
  const { name, shape, format, tokens, microseconds, bytes, bytesPerSecond, copyShare } = timing;
  const { multiplyAddsPerSecond, fmaShare } = timing;
  return [
    name,
    shape,
    format ?? '',
    String(tokens),
    microseconds.toFixed(1),
    formatBytes(bytes),
    formatBytes(bytesPerSecond),
    formatPercent(copyShare),
    multiplyAddsPerSecond === null ? '' : giga(multiplyAddsPerSecond),
    formatPercent(fmaShare),
  ];
}

function giga(perSecond: number): string {
  return (perSecond / 1e9).toFixed(2);
}

import { checkHardware, chooseType } from '../engine/backend.js';
import type { ModelSource } from '../engine/device-model.js';
import { type Fit, type FitDevice, type FitOptions, fitsOf } from '../engine/fit.js';
import { memoryLimit } from '../engine/kv-budget.js';
import { chooseKvType } from '../engine/memory-plan.js';
import type { EngineOptions } from '../engine/options.js';
import { UserError } from '../errors.js';
import { openGpu, requestAdapter, summarizeAdapter } from '../webgpu/adapter.js';
import { readDeviceMemory } from '../webgpu/device-memory.js';
import { formatBytes, formatCount, formatTable } from './format.js';

/** What of a model fits into one memory. */
export interface FitReport {
  /** The adapter's name, or the option that says how much there is. */
  readonly on: string;
  readonly limitBytes: number;
  readonly maxModelLen: number;
  readonly fits: readonly Fit[];
}

type ReportOptions = FitOptions &
  Pick<EngineOptions, 'computeType' | 'kvCacheDtype'> &
  Partial<Pick<EngineOptions, 'device' | 'requireGpu'>>;

/** Formats that are compared with that of the checkpoint. */
const COMPARED = ['int8', 'int4', 'int3', 'int2'];

/** On this machine's adapter, or the one that `device` names, where it tells its memory, and on any within `gpuMemoryLimitBytes`, where that is given. */
export async function fitReports(source: ModelSource, options: ReportOptions): Promise<readonly FitReport[]> {
  const here = await thisDevice(options);
  const all = { ...options, gpuMemoryLimitBytes: null };
  return [
    ...(here === null ? [] : reportOn(source, all, here.name, here.device)),
    ...reportOn(source, options, '--gpu-memory-limit', deviceLike(options)),
  ];
}

function reportOn(
  { checkpoint, config }: ModelSource,
  options: ReportOptions,
  on: string,
  device: FitDevice,
): readonly FitReport[] {
  const { quantization, maxModelLen } = options;
  const compared = [...new Set([...COMPARED, ...(quantization === null ? [] : [quantization])])];
  const fits = fitsOf(checkpoint, config, options, device, compared);
  if (fits === null) return [];
  const limitBytes = memoryLimit(options, device.memory) ?? 0;
  const length = Math.min(maxModelLen ?? Number.POSITIVE_INFINITY, config.maxPositionEmbeddings);
  return [{ on, limitBytes, maxModelLen: length, fits }];
}

/** Any adapter: one with f16 unless told otherwise. */
function deviceLike({ computeType, kvCacheDtype }: ReportOptions): FitDevice {
  const type = computeType === 'float32' ? 'f32' : 'f16';
  return { memory: null, computeType: type, kvType: chooseKvType(kvCacheDtype, type) };
}

async function thisDevice({
  computeType,
  kvCacheDtype,
  device = 'webgpu',
  requireGpu = false,
}: ReportOptions): Promise<{ name: string; device: FitDevice } | null> {
  // The reference has the host's memory, which nothing is planned for.
  if (device === 'cpu') return null;
  try {
    const adapter = summarizeAdapter(await requestAdapter(openGpu(), device));
    if (requireGpu) checkHardware(adapter);
    const type = chooseType(computeType, adapter);
    const kvType = chooseKvType(kvCacheDtype, type);
    return {
      name: adapter.name,
      device: { memory: await readDeviceMemory(adapter), computeType: type, kvType },
    };
  } catch (error) {
    const isAsked = device !== 'webgpu' || requireGpu;
    if (error instanceof UserError && !isAsked) return null;
    throw error;
  }
}

export function fitLines({ on, limitBytes, maxModelLen, fits }: FitReport): readonly string[] {
  const heads = ['weights', 'bytes', 'KV tokens', `requests of ${formatCount(maxModelLen)}`, 'fits'];
  const rows = fits.map((fit) => [
    `  ${fit.quantization ?? 'as stored'}`,
    formatBytes(fit.weightBytes),
    fit.fits ? formatCount(fit.kvTokens) : '',
    fit.fits ? formatCount(Number(fit.sequences.toFixed(1))) : '',
    verdict(fit),
  ]);
  return [
    '',
    `  within ${formatBytes(limitBytes)} (${on}):`,
    ...formatTable([[`  ${heads[0]}`, ...heads.slice(1)], ...rows]),
  ];
}

function verdict({ fits, offloadLayers }: Fit): string {
  if (fits) return 'yes';
  return offloadLayers === null || offloadLayers === 0 ? 'no' : `with --offload-layers ${offloadLayers}`;
}

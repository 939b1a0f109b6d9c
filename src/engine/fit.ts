import type { Checkpoint } from '../checkpoint/checkpoint.js';
import { UserError } from '../errors.js';
import type { ModelConfig } from '../model/config.js';
import { createActivations, type InputOptions } from '../model/forward.js';
import { ordersColumns } from '../model/matrices.js';
import { activationOption, roundsActivations } from '../model/rounding.js';
import { layerMatrixBytes, weightBytes } from '../model/weight-bytes.js';
import type { KvType } from '../ops/ops.js';
import { parseQuantization } from '../quant/formats.js';
import type { DeviceMemory } from '../webgpu/device-memory.js';
import { BLOCK_SIZE } from './block-manager.js';
import { leastTokens, memoryLimit } from './kv-budget.js';
import { kvBytesPerToken } from './memory-plan.js';
import { planOffload } from './offload-plan.js';
import { ENGINE_DEFAULTS, type EngineOptions, MAX_SCORED_TOKENS } from './options.js';
import { SizingOps } from './sizing-ops.js';

/** What of a device decides what fits. */
export interface FitDevice {
  readonly memory: DeviceMemory | null;
  readonly computeType: 'f32' | 'f16';
  readonly kvType: KvType;
}

export type FitOptions = Pick<
  EngineOptions,
  'gpuMemoryUtilization' | 'gpuMemoryLimitBytes' | 'maxModelLen' | 'quantization'
>;

/** How a model would lie on a device in one format. */
export interface Fit {
  /** As `--quantization` names it; null as the checkpoint has it. */
  readonly quantization: string | null;
  readonly weightBytes: number;
  readonly activationBytes: number;
  /** What is left for the KV cache, tokens of it, and sequences of the greatest length in these. */
  readonly leftBytes: number;
  readonly kvTokens: number;
  readonly sequences: number;
  /** Whether a server would start. */
  readonly fits: boolean;
  /** Layers that must stay in host memory for it to; 0 where none must, null where that is no help either. */
  readonly offloadLayers: number | null;
}

/**
 * What of a model fits a device with the engine's defaults. Null where nothing tells how much memory there is.
 * @param quantizations to compare, beside the format of the checkpoint; those that change nothing are left out
 */
export function fitsOf(
  checkpoint: Pick<Checkpoint, 'tensors'>,
  config: ModelConfig,
  options: FitOptions,
  device: FitDevice,
  quantizations: readonly string[],
): readonly Fit[] | null {
  const limitBytes = memoryLimit(options, device.memory);
  if (limitBytes === null) return null;
  const fits: Fit[] = [];
  for (const quantization of [null, ...quantizations]) {
    const fit = fitOf(checkpoint, config, { ...options, quantization }, device, limitBytes);
    if (fits.every(({ weightBytes }) => weightBytes !== fit.weightBytes)) fits.push(fit);
  }
  return fits;
}

function fitOf(
  checkpoint: Pick<Checkpoint, 'tensors'>,
  config: ModelConfig,
  options: FitOptions,
  device: FitDevice,
  limitBytes: number,
): Fit {
  const { quantization, maxModelLen } = options;
  const maxPositions = positionsOf(config, maxModelLen);
  const tokenBytes = kvBytesPerToken(config, device.kvType);
  const bytes = bytesOf(checkpoint, config, options, device);
  const leftBytes = Math.max(0, limitBytes - bytes.weights - bytes.activations);
  const kvTokens = tokensIn(leftBytes, tokenBytes, device.memory);
  return {
    quantization,
    weightBytes: bytes.weights,
    activationBytes: bytes.activations,
    leftBytes,
    kvTokens,
    sequences: kvTokens / maxPositions,
    fits: kvTokens >= leastTokens(maxModelLen, maxPositions),
    offloadLayers: offloadLayers(options, device, bytes, { tokenBytes, maxPositions }),
  };
}

/** Bytes that a model takes at least: weights, activations, and a KV cache that is worth a start. */
export function leastBytes(
  checkpoint: Pick<Checkpoint, 'tensors'>,
  config: ModelConfig,
  options: Pick<FitOptions, 'quantization' | 'maxModelLen'>,
  device: Omit<FitDevice, 'memory'>,
): number {
  const { weights, activations } = bytesOf(checkpoint, config, options, device);
  const tokens = leastTokens(options.maxModelLen, positionsOf(config, options.maxModelLen));
  return weights + activations + tokens * kvBytesPerToken(config, device.kvType);
}

function positionsOf(config: ModelConfig, maxModelLen: number | null): number {
  return Math.min(maxModelLen ?? Number.POSITIVE_INFINITY, config.maxPositionEmbeddings);
}

function bytesOf(
  checkpoint: Pick<Checkpoint, 'tensors'>,
  config: ModelConfig,
  { quantization, maxModelLen }: Pick<FitOptions, 'quantization' | 'maxModelLen'>,
  { computeType }: Omit<FitDevice, 'memory'>,
): Parameters<typeof planOffload>[2] {
  const format = quantization === null ? null : parseQuantization(quantization);
  return {
    weights: weightBytes(checkpoint, config, format, positionsOf(config, maxModelLen)),
    activations: activationBytes(config, computeType, {
      type: roundsActivations(checkpoint, activationOption(quantization)) ? 'int8' : 'float',
      ordersColumns: ordersColumns(checkpoint),
    }),
    layers: layerMatrixBytes(checkpoint, config, format),
  };
}

/** Of memory that is shared with the host, no more than a share. */
function tokensIn(bytes: number, tokenBytes: number, memory: DeviceMemory | null): number {
  const most = memory === null ? bytes : Math.min(bytes, memory.maxShare * memory.totalBytes);
  return Math.floor(most / tokenBytes / BLOCK_SIZE) * BLOCK_SIZE;
}

function activationBytes(config: ModelConfig, computeType: 'f32' | 'f16', inputs: InputOptions): number {
  const { maxNumSeqs: maxSampled, maxNumBatchedTokens } = ENGINE_DEFAULTS;
  const ops = new SizingOps(computeType);
  const logits = { maxSampled, maxLogits: maxSampled + MAX_SCORED_TOKENS };
  createActivations(ops, config, maxNumBatchedTokens, logits, inputs);
  return ops.bytes;
}

function offloadLayers(
  options: FitOptions,
  { memory }: FitDevice,
  model: Parameters<typeof planOffload>[2],
  kv: Parameters<typeof planOffload>[3],
): number | null {
  const auto = { ...options, kvCacheMemoryBytes: null, offloadLayers: 'auto' } as const;
  try {
    return planOffload(auto, { memory, hostFreeBytes: Number.POSITIVE_INFINITY }, model, kv).numHostLayers;
  } catch (error) {
    if (error instanceof UserError) return null;
    throw error;
  }
}

import { UserError } from '../errors.js';
import type { DeviceMemory } from '../webgpu/device-memory.js';
import type { EngineOptions } from './options.js';

/** Bytes that the model takes on its device beside the KV cache. */
export interface ModelBytes {
  readonly weights: number;
  readonly activations: number;
}

/** What the KV cache may take of a device that tells nothing of its memory: modest. */
const UNKNOWN_DEVICE_BYTES = 2 ** 30;

/** Fewer tokens than this, or than the model has positions, are not worth a start. */
const MIN_TOKENS = 1024;

type BudgetOptions = Pick<EngineOptions, 'kvCacheMemoryBytes' | 'gpuMemoryUtilization' | 'maxModelLen'>;

/**
 * Bytes for the KV cache: those asked for, else utilization · total − used by others − the model's own, within the share of the memory
 * that one use may take. Throws UserError where that holds no sequence of a sane length.
 * @param tokenBytes of K and V in all layers
 * @param maxPositions of the model
 */
export function kvCacheBudget(
  options: BudgetOptions,
  memory: DeviceMemory | null,
  model: ModelBytes,
  { tokenBytes, maxPositions }: { tokenBytes: number; maxPositions: number },
): number {
  if (options.kvCacheMemoryBytes !== null) return options.kvCacheMemoryBytes;
  if (memory === null) return UNKNOWN_DEVICE_BYTES;
  const { totalBytes, usedBytes, maxShare } = memory;
  const left = options.gpuMemoryUtilization * totalBytes - usedBytes - model.weights - model.activations;
  const budget = Math.floor(Math.min(left, maxShare * totalBytes));
  const tokens = Math.min(MIN_TOKENS, options.maxModelLen ?? maxPositions);
  if (budget >= tokens * tokenBytes) return budget;
  throw new UserError(tooLittle(options, memory, model, { budget, tokens, needed: tokens * tokenBytes }));
}

function tooLittle(
  { gpuMemoryUtilization }: BudgetOptions,
  { totalBytes, usedBytes }: DeviceMemory,
  { weights, activations }: ModelBytes,
  { budget, tokens, needed }: { budget: number; tokens: number; needed: number },
): string {
  const parts = `weights take ${mib(weights)}, activations ${mib(activations)}, others ${mib(usedBytes)}`;
  return (
    `--gpu-memory-utilization: ${gpuMemoryUtilization} of ${mib(totalBytes)} leaves ${mib(Math.max(0, budget))} for the KV cache ` +
    `(${parts}), and ${tokens} tokens need ${mib(needed)}; raise it, set --kv-cache-memory, or lower --max-model-len`
  );
}

function mib(bytes: number): string {
  return `${Number((bytes / 2 ** 20).toFixed(1)).toLocaleString('en-US')} MiB`;
}

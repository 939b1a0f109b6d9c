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

type LimitOptions = Pick<EngineOptions, 'gpuMemoryUtilization' | 'gpuMemoryLimitBytes'>;
type BudgetOptions = Pick<EngineOptions, 'kvCacheMemoryBytes' | 'maxModelLen'> & LimitOptions;

/** Bytes that all of the engine may take: of what the device has for it, and of what was asked for. Null where neither is known. */
export function memoryLimit(
  { gpuMemoryUtilization, gpuMemoryLimitBytes }: LimitOptions,
  memory: DeviceMemory | null,
): number | null {
  if (memory === null) return gpuMemoryLimitBytes;
  const share = gpuMemoryUtilization * memory.totalBytes - memory.usedBytes;
  return Math.min(share, gpuMemoryLimitBytes ?? Number.POSITIVE_INFINITY);
}

/**
 * Bytes for the KV cache: those asked for, else the limit less the model's own, within the share of the memory that one use may take.
 * Throws UserError where that holds no sequence of a sane length, or what was asked for is beyond --gpu-memory-limit.
 * @param tokenBytes of K and V in all layers
 * @param maxPositions of the model
 */
export function kvCacheBudget(
  options: BudgetOptions,
  memory: DeviceMemory | null,
  model: ModelBytes,
  { tokenBytes, maxPositions }: { tokenBytes: number; maxPositions: number },
): number {
  if (options.kvCacheMemoryBytes !== null) return withinLimit(options, options.kvCacheMemoryBytes, model);
  const limit = memoryLimit(options, memory);
  if (limit === null) return UNKNOWN_DEVICE_BYTES;
  const most = memory === null ? Number.POSITIVE_INFINITY : memory.maxShare * memory.totalBytes;
  const budget = Math.floor(Math.min(limit - model.weights - model.activations, most));
  const tokens = leastTokens(options.maxModelLen, maxPositions);
  if (budget >= tokens * tokenBytes) return budget;
  throw new UserError(tooLittle(options, memory, model, { budget, tokens, needed: tokens * tokenBytes }));
}

/** Tokens that the cache must hold for a start: a sequence of the length that is asked for, or as many as make one worth it. @param maxModelLen asked for */
export function leastTokens(maxModelLen: number | null, maxPositions: number): number {
  return Math.min(maxPositions, maxModelLen ?? MIN_TOKENS);
}

function withinLimit({ gpuMemoryLimitBytes }: BudgetOptions, asked: number, model: ModelBytes): number {
  const total = asked + model.weights + model.activations;
  if (gpuMemoryLimitBytes === null || total <= gpuMemoryLimitBytes) return asked;
  throw new UserError(
    `--gpu-memory-limit: ${mib(gpuMemoryLimitBytes)} are less than --kv-cache-memory, weights (${mib(model.weights)}) and ` +
      `activations (${mib(model.activations)}) together, ${mib(total)}`,
  );
}

function tooLittle(
  options: BudgetOptions,
  memory: DeviceMemory | null,
  { weights, activations }: ModelBytes,
  { budget, tokens, needed }: { budget: number; tokens: number; needed: number },
): string {
  const others = memory === null ? '' : `, others ${mib(memory.usedBytes)}`;
  const parts = `weights take ${mib(weights)}, activations ${mib(activations)}${others}`;
  return (
    `${limitText(options, memory)} leaves ${mib(Math.max(0, budget))} for the KV cache (${parts}), and ${tokens} tokens need ${mib(needed)}; ` +
    'raise it, set --kv-cache-memory, lower --max-model-len, or keep layers in host memory with --offload-layers auto'
  );
}

/** The option that bounds the memory, with what it says. */
function limitText(options: BudgetOptions, memory: DeviceMemory | null): string {
  const { gpuMemoryUtilization, gpuMemoryLimitBytes: limit } = options;
  const limited = limit !== null && limit === memoryLimit(options, memory);
  if (memory === null || limited) return `--gpu-memory-limit: ${mib(limit ?? 0)}`;
  return `--gpu-memory-utilization: ${gpuMemoryUtilization} of ${mib(memory.totalBytes)}`;
}

/** Bytes in an error. */
export function mib(bytes: number): string {
  return `${Number((bytes / 2 ** 20).toFixed(1)).toLocaleString('en-US')} MiB`;
}

import { UserError } from '../errors.js';
import type { ModelConfig } from '../model/config.js';
import { kvHeadBytes } from '../ops/kv-layout.js';
import type { KvType } from '../ops/ops.js';
import type { DeviceMemory } from '../webgpu/device-memory.js';
import { BLOCK_SIZE } from './block-manager.js';
import { kvCacheBudget, type ModelBytes } from './kv-budget.js';
import type { EngineOptions } from './options.js';

/** How long sequences may be and how many blocks of KV cache there are. */
export interface MemoryPlan {
  readonly maxModelLen: number;
  readonly blockSize: number;
  readonly numBlocks: number;
  readonly maxBlocksPerSequence: number;
  readonly kvType: KvType;
}

/** What the plan must know of a device. */
export interface PlannedDevice {
  readonly ops: { readonly computeType: 'f32' | 'f16' };
  readonly maxBindingBytes: number;
  readonly memory: DeviceMemory | null;
}

type PlanOptions = Pick<
  EngineOptions,
  | 'maxModelLen'
  | 'maxNumSeqs'
  | 'kvCacheMemoryBytes'
  | 'gpuMemoryUtilization'
  | 'gpuMemoryLimitBytes'
  | 'kvCacheDtype'
>;

/** `auto` is the type of the activations. */
export function chooseKvType(asked: EngineOptions['kvCacheDtype'], computeType: 'f32' | 'f16'): KvType {
  return asked === 'auto' ? computeType : asked;
}

/** Bytes of K and V of one token in all layers. */
export function kvBytesPerToken({ numLayers, numKvHeads, headDim }: ModelConfig, type: KvType): number {
  return 2 * numLayers * numKvHeads * kvHeadBytes({ headDim, type });
}

/**
 * As many blocks as the budget holds, but no more than all sequences at full length need.
 * Throws UserError where the limits that were asked for do not fit the model or the budget.
 */
export function planMemory(
  config: ModelConfig,
  options: PlanOptions,
  device: PlannedDevice,
  model: ModelBytes,
): MemoryPlan {
  const kvType = chooseKvType(options.kvCacheDtype, device.ops.computeType);
  const tokenBytes = kvBytesPerToken(config, kvType);
  const layerBufferBytes = tokenBytes / (2 * config.numLayers);
  const maxPositions = config.maxPositionEmbeddings;
  const budget = kvCacheBudget(options, device.memory, model, { tokenBytes, maxPositions });
  const affordable = Math.floor(
    Math.min(budget / tokenBytes, device.maxBindingBytes / layerBufferBytes) / BLOCK_SIZE,
  );
  const maxModelLen = chooseModelLen(config, options.maxModelLen, affordable * BLOCK_SIZE);
  const maxBlocksPerSequence = Math.ceil(maxModelLen / BLOCK_SIZE);
  const numBlocks = Math.min(affordable, options.maxNumSeqs * maxBlocksPerSequence);
  return { maxModelLen, blockSize: BLOCK_SIZE, numBlocks, maxBlocksPerSequence, kvType };
}

function chooseModelLen(config: ModelConfig, asked: number | null, cacheTokens: number): number {
  const limit = config.maxPositionEmbeddings;
  if (cacheTokens < BLOCK_SIZE) {
    throw new UserError('--kv-cache-memory: less than one block of 16 tokens; give more memory');
  }
  if (asked === null) return Math.min(limit, cacheTokens);
  if (asked > limit)
    throw new UserError(`--max-model-len: ${asked} is beyond the model's ${limit} positions`);
  if (asked <= cacheTokens) return asked;
  throw new UserError(
    `--max-model-len: ${asked} tokens do not fit a KV cache of ${cacheTokens}; lower it or raise --kv-cache-memory`,
  );
}

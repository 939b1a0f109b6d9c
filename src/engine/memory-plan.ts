import { UserError } from '../errors.js';
import type { ModelConfig } from '../model/config.js';
import { BLOCK_SIZE } from './block-manager.js';
import type { EngineOptions } from './options.js';

/** How long sequences may be and how many blocks of KV cache there are. */
export interface MemoryPlan {
  readonly maxModelLen: number;
  readonly blockSize: number;
  readonly numBlocks: number;
  readonly maxBlocksPerSequence: number;
  readonly kvBytesPerToken: number;
}

/** WebGPU does not tell how much memory a device has, so the default is modest. */
const DEFAULT_KV_BYTES = 2 ** 30;

/** What the plan must know of a device. */
export interface PlannedDevice {
  readonly ops: { readonly computeType: 'f32' | 'f16' };
  readonly maxBindingBytes: number;
}

/** Bytes of K and V of one token in all layers. */
export function kvBytesPerToken(config: ModelConfig, computeType: 'f32' | 'f16'): number {
  const { numLayers, numKvHeads, headDim } = config;
  return 2 * numLayers * numKvHeads * headDim * (computeType === 'f16' ? 2 : 4);
}

/**
 * As many blocks as the budget holds, but no more than all sequences at full length need.
 * Throws UserError where the limits that were asked for do not fit the model or the budget.
 */
export function planMemory(
  config: ModelConfig,
  options: Pick<EngineOptions, 'maxModelLen' | 'maxNumSeqs' | 'kvCacheMemoryBytes'>,
  device: PlannedDevice,
): MemoryPlan {
  const perToken = kvBytesPerToken(config, device.ops.computeType);
  const perLayerBuffer = perToken / (2 * config.numLayers);
  const budget = options.kvCacheMemoryBytes ?? DEFAULT_KV_BYTES;
  const affordable = Math.floor(
    Math.min(budget / perToken, device.maxBindingBytes / perLayerBuffer) / BLOCK_SIZE,
  );
  const maxModelLen = chooseModelLen(config, options.maxModelLen, affordable * BLOCK_SIZE);
  const maxBlocksPerSequence = Math.ceil(maxModelLen / BLOCK_SIZE);
  const numBlocks = Math.min(affordable, options.maxNumSeqs * maxBlocksPerSequence);
  return {
    maxModelLen,
    blockSize: BLOCK_SIZE,
    numBlocks,
    maxBlocksPerSequence,
    kvBytesPerToken: perToken,
  };
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

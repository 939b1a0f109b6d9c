import { labelled, labelOf } from '../serve/server-metrics.js';

/** What a halflight server says of itself. */
export interface ServerFacts {
  readonly adapter: string;
  readonly weightFormat: string;
  /** Bytes on the device. */
  readonly weights: number;
  readonly kvCache: number;
  readonly activations: number;
  readonly blockSize: number;
  readonly numBlocks: number;
}

/** @param page of `/metrics` */
export function factsOf(page: string): ServerFacts {
  const bytes = (kind: string) => labelled(page, 'halflight:gpu_memory_bytes', `kind="${kind}"`) ?? 0;
  const cache = (label: string) => Number(labelOf(page, 'vllm:cache_config_info', label) ?? 0);
  return {
    adapter: labelOf(page, 'halflight:adapter_info', 'name') ?? 'unknown',
    weightFormat: labelOf(page, 'halflight:adapter_info', 'weight_format') ?? 'unknown',
    weights: bytes('weights'),
    kvCache: bytes('kv_cache'),
    activations: bytes('activations'),
    blockSize: cache('block_size'),
    numBlocks: cache('num_gpu_blocks'),
  };
}

export function totalBytes({ weights, kvCache, activations }: ServerFacts): number {
  return weights + kvCache + activations;
}

/** Requests of so many tokens whose KV cache fits into what `budgetBytes` leave beside weights and activations. */
export function fitting(facts: ServerFacts, numTokens: number, budgetBytes: number): number {
  const { weights, activations, kvCache, numBlocks, blockSize } = facts;
  if (numBlocks === 0 || blockSize === 0) return 0;
  const requestBytes = (Math.ceil(numTokens / blockSize) * kvCache) / numBlocks;
  return Math.max(0, Math.floor((budgetBytes - weights - activations) / requestBytes));
}

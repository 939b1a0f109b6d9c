import { type Tuning, tuningFor } from '#halflight/webgpu/tuning.js';

/** What an adapter tells of itself, as far as the tuning reads it. */
export interface AdapterInfo {
  readonly device: string;
  readonly description?: string;
  readonly subgroupMinSize?: number;
  readonly subgroupMaxSize?: number;
  readonly subgroupMatrixConfigs?: readonly object[];
}

/** The defaults of an adapter, whatever machine the tests run on. */
export function tuningOf(
  adapterInfo: AdapterInfo,
  features: readonly string[] = [],
  maxComputeInvocationsPerWorkgroup = 1024,
): Tuning {
  const limits = { maxComputeWorkgroupStorageSize: 49_152, maxComputeInvocationsPerWorkgroup };
  return tuningFor({ adapterInfo, features: new Set(features), limits } as object as GPUDevice);
}

/** Those of a GPU that tells of no subgroups. */
export const GPU_TUNING = tuningOf({ device: 'GPU' });

import { UserError } from '../errors.js';
import { hostAreas, MIN_HOST_LAYERS } from '../model/offload.js';
import type { DeviceMemory } from '../webgpu/device-memory.js';
import { type ModelBytes, memoryLimit, mib } from './kv-budget.js';
import type { EngineOptions } from './options.js';

/** Which weights stay in host memory, and what that leaves on the device. */
export interface OffloadPlan {
  readonly numHostLayers: number;
  /** In host memory, and copied in every step. */
  readonly hostBytes: number;
  /** Of weights on the device, with the room that layers in host memory share. */
  readonly deviceBytes: number;
}

/** Each layer's matrices, by name within the layer. */
type LayerBytes = readonly ReadonlyMap<string, number>[];

type OffloadOptions = Pick<
  EngineOptions,
  'offloadLayers' | 'gpuMemoryUtilization' | 'gpuMemoryLimitBytes' | 'kvCacheMemoryBytes' | 'maxModelLen'
>;

export interface OffloadDevice {
  readonly memory: DeviceMemory | null;
  readonly hostFreeBytes: number;
}

/** Tokens that `auto` leaves room for, where nothing says how many. */
const AUTO_TOKENS = 4096;
/** Of the host's free memory, for all but the weights: staging, the tokenizer, requests. */
const HOST_RESERVE_BYTES = 2 ** 29;

/**
 * As many layers as were asked for; of `auto` the fewest that leave room for the KV cache.
 * Throws UserError where a number makes no sense for the model, where no number is enough, or where the host's memory is not.
 * @param kv bytes of a token, and tokens that the model has positions for
 */
export function planOffload(
  options: OffloadOptions,
  device: OffloadDevice,
  model: ModelBytes & { readonly layers: LayerBytes },
  kv: { readonly tokenBytes: number; readonly maxPositions: number },
): OffloadPlan {
  const { offloadLayers } = options;
  const plan =
    offloadLayers === 'auto'
      ? fewestLayers(options, device, model, kvBytes(options, kv))
      : planFor(model, checkedLayers(offloadLayers, model.layers.length));
  const room = device.hostFreeBytes - HOST_RESERVE_BYTES;
  if (plan.hostBytes === 0 || plan.hostBytes <= room) return plan;
  throw new UserError(
    `--offload-layers: ${plan.numHostLayers} layers take ${mib(plan.hostBytes)} of host memory, and ${mib(Math.max(0, room))} are free; ` +
      'offload fewer, or take a smaller --quantization',
  );
}

function checkedLayers(asked: number, numLayers: number): number {
  if (asked === 0 || (asked >= MIN_HOST_LAYERS && asked <= numLayers)) return asked;
  throw new UserError(
    `--offload-layers: ${asked} is not 0, ${MIN_HOST_LAYERS} to ${numLayers}, or auto: the model has ${numLayers} layers, and two lie on the device at any time`,
  );
}

function fewestLayers(
  options: OffloadOptions,
  { memory }: OffloadDevice,
  model: ModelBytes & { readonly layers: LayerBytes },
  kvCacheBytes: number,
): OffloadPlan {
  const limit = memoryLimit(options, memory);
  if (limit === null)
    throw new UserError(
      '--offload-layers: auto needs --gpu-memory-limit: this adapter does not tell its memory',
    );
  const numLayers = model.layers.length;
  const others = model.activations + kvCacheBytes;
  for (let count = 0; count <= numLayers; count = Math.max(MIN_HOST_LAYERS, count + 1)) {
    const plan = planFor(model, count);
    if (plan.deviceBytes + others <= limit) return plan;
  }
  const least = planFor(model, numLayers >= MIN_HOST_LAYERS ? numLayers : 0).deviceBytes;
  throw new UserError(
    `--offload-layers: with all layers in host memory the device still takes ${mib(least + others)} (weights ${mib(least)}, activations ` +
      `${mib(model.activations)}, KV cache ${mib(kvCacheBytes)}), and may take ${mib(Math.max(0, limit))}`,
  );
}

function kvBytes(
  { kvCacheMemoryBytes, maxModelLen }: OffloadOptions,
  { tokenBytes, maxPositions }: { tokenBytes: number; maxPositions: number },
): number {
  return kvCacheMemoryBytes ?? tokenBytes * Math.min(maxPositions, maxModelLen ?? AUTO_TOKENS);
}

/** Layers of one area share room for the largest of them: for each matrix in each size that it has. */
export function planFor(
  { weights, layers }: { readonly weights: number; readonly layers: LayerBytes },
  numHostLayers: number,
): OffloadPlan {
  const shared = new Map<string, number>();
  let hostBytes = 0;
  for (const [layer, area] of hostAreas(layers.length, numHostLayers).entries()) {
    if (area === null) continue;
    for (const [name, bytes] of layers[layer]) {
      hostBytes += bytes;
      shared.set(`${area} ${name} ${bytes}`, bytes);
    }
  }
  const areaBytes = [...shared.values()].reduce((sum, bytes) => sum + bytes, 0);
  return { numHostLayers, hostBytes, deviceBytes: weights - hostBytes + areaBytes };
}

import { type Checkpoint, openCheckpoint } from '../checkpoint/checkpoint.js';
import type { ModelConfig } from '../model/config.js';
import { parseModelConfig } from '../model/config-parse.js';
import { type Activations, createActivations, forward } from '../model/forward.js';
import { loadModel } from '../model/load.js';
import type { Model } from '../model/model.js';
import type { Batch, BatchBuffers, KvCache } from '../ops/ops.js';
import { parseQuantization } from '../quant/formats.js';
import type { Backend } from './backend.js';
import { type MemoryPlan, planMemory } from './memory-plan.js';
import type { EngineOptions, LoadProgress } from './options.js';

/** A model with all that a step needs, on its device. */
export interface DeviceModel<B> {
  readonly backend: Backend<B>;
  readonly model: Model<B>;
  readonly plan: MemoryPlan;
  readonly caches: readonly KvCache<B>[];
  readonly activations: Activations<B>;
  readonly batch: BatchBuffers<B>;
}

/** Loads a model directory and makes its kernels ready. Throws CheckpointError or UserError where the model cannot be used. */
export async function loadDeviceModel<B>(
  backend: Backend<B>,
  options: EngineOptions,
  maxLogits: number,
  onProgress: (progress: LoadProgress) => void,
): Promise<DeviceModel<B>> {
  const config = await parseModelConfig(options.modelDir);
  const quantization = options.quantization === null ? null : parseQuantization(options.quantization);
  const plan = planMemory(config, options, backend);
  const checkpoint = await openCheckpoint(options.modelDir);
  const totalBytes = checkpointBytes(checkpoint);
  const onBytes = (loadedBytes: number) => onProgress({ stage: 'weights', loadedBytes, totalBytes });
  const { maxModelLen } = plan;
  const model = await loadModel(backend.ops, checkpoint, config, {
    quantization,
    maxModelLen,
    onBytes,
  }).finally(() => checkpoint.close());
  const device = { backend, model, plan, ...allocate(backend, config, plan, options, maxLogits) };
  onProgress({ stage: 'kernels', loadedBytes: totalBytes, totalBytes });
  await warmUp(device);
  return device;
}

/** Enqueues one step: hidden states of all its tokens, logits of those that it asks for. */
export function enqueueForward<B>(device: DeviceModel<B>, numTokens: number, numLogits: number): void {
  const { backend, model, caches, activations, batch } = device;
  forward(backend.ops, model, caches, activations, { batch, numTokens, numLogits });
}

function checkpointBytes(checkpoint: Checkpoint): number {
  let bytes = 0;
  for (const tensor of checkpoint.tensors.values()) bytes += tensor.bytes;
  return bytes;
}

function allocate<B>(
  { ops }: Backend<B>,
  config: ModelConfig,
  plan: MemoryPlan,
  options: EngineOptions,
  maxLogits: number,
): Pick<DeviceModel<B>, 'caches' | 'activations' | 'batch'> {
  const { numKvHeads, headDim, numLayers } = config;
  const { numBlocks, blockSize, maxBlocksPerSequence } = plan;
  const { maxNumBatchedTokens: maxTokens, maxNumSeqs: maxSequences } = options;
  return {
    caches: Array.from({ length: numLayers }, () =>
      ops.kvCache({ numBlocks, blockSize, numKvHeads, headDim }),
    ),
    activations: createActivations(ops, config, maxTokens, maxLogits),
    batch: ops.batch({ maxTokens, maxSequences, maxBlocksPerSequence, maxLogits }),
  };
}

/**
 * Compiles every kernel that a step can use, all together, then runs each once: a driver may compile again at the first dispatch.
 * The steps write to KV block 0, which whoever gets that block first overwrites.
 */
async function warmUp<B>(device: DeviceModel<B>): Promise<void> {
  const { ops } = device.backend;
  const { maxTokens, maxLogits } = device.batch.capacity;
  const sizes = [1, 8].map((size) => [Math.min(size, maxTokens), Math.min(size, maxLogits)] as const);
  await ops.prepare(() => {
    for (const [numTokens, numLogits] of sizes) enqueueForward(device, numTokens, numLogits);
  });
  for (const [numTokens, numLogits] of sizes) {
    ops.writeBatch(device.batch, warmUpBatch(numTokens, numLogits));
    enqueueForward(device, numTokens, numLogits);
    await ops.read(device.activations.logits, 1);
  }
}

function warmUpBatch(numTokens: number, numLogits: number): Batch {
  return {
    numTokens,
    numSequences: 1,
    tokenIds: new Uint32Array(numTokens),
    positions: new Uint32Array(numTokens),
    slotMapping: new Uint32Array(numTokens),
    sequenceIds: new Uint32Array(numTokens),
    blockTables: new Uint32Array(1),
    logitsRows: new Uint32Array(numLogits),
    sampling: [],
  };
}

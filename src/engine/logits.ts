import type { Batch } from '../ops/ops.js';
import { type Backend, cpuBackend, webgpuBackend } from './backend.js';
import { type DeviceModel, enqueueForward, loadDeviceModel } from './device-model.js';
import type { EngineOptions, LoadProgress } from './options.js';

/** A model that is asked for logits instead of text: for evaluation. */
export interface LogitsModel {
  readonly maxModelLen: number;
  readonly vocabSize: number;
  /** Logits after each token of one sequence, `[tokens][vocab]`. At most maxModelLen tokens. Rejects when the device is lost. */
  logits(tokenIds: readonly number[]): Promise<Float32Array<ArrayBuffer>>;
  destroy(): void;
}

/** Tokens computed in one step: their logits must fit the device's memory beside the model. */
const CHUNK_TOKENS = 64;

/** Throws CheckpointError or UserError where the model cannot be used. */
export async function createLogitsModel(
  options: EngineOptions,
  onProgress: (progress: LoadProgress) => void,
): Promise<LogitsModel> {
  const sized = { ...options, maxNumSeqs: 1, maxNumBatchedTokens: CHUNK_TOKENS };
  if (options.device === 'cpu') return load(cpuBackend(), sized, onProgress);
  return load(await webgpuBackend(options), sized, onProgress);
}

async function load<B>(
  backend: Backend<B>,
  options: EngineOptions,
  onProgress: (progress: LoadProgress) => void,
): Promise<LogitsModel> {
  const device = await loadDeviceModel(
    backend,
    options,
    { maxLogits: CHUNK_TOKENS, maxSampled: 0 },
    onProgress,
  );
  return {
    maxModelLen: device.plan.maxModelLen,
    vocabSize: device.model.config.vocabSize,
    logits: (tokenIds) => prefill(device, tokenIds),
    destroy: () => backend.ops.destroy(),
  };
}

async function prefill<B>(
  device: DeviceModel<B>,
  tokenIds: readonly number[],
): Promise<Float32Array<ArrayBuffer>> {
  const { ops } = device.backend;
  const { vocabSize } = device.model.config;
  if (tokenIds.length > device.plan.maxModelLen)
    throw new RangeError(`more than ${device.plan.maxModelLen} tokens`);
  const all = new Float32Array(tokenIds.length * vocabSize);
  for (let start = 0; start < tokenIds.length; start += CHUNK_TOKENS) {
    const chunk = tokenIds.slice(start, start + CHUNK_TOKENS);
    ops.writeBatch(device.batch, chunkBatch(chunk, start, device.plan.maxBlocksPerSequence));
    enqueueForward(device, { numTokens: chunk.length, numLogits: chunk.length, previous: device.noResults });
    all.set(await ops.read(device.activations.logits, chunk.length), start * vocabSize);
  }
  return all;
}

/** Tokens `start …` of the only sequence, whose logical blocks are the physical ones of the same index. */
function chunkBatch(tokenIds: readonly number[], start: number, numBlocks: number): Batch {
  const numTokens = tokenIds.length;
  const positions = Uint32Array.from({ length: numTokens }, (_, i) => start + i);
  return {
    numTokens,
    numSequences: 1,
    tokenIds: Uint32Array.from(tokenIds),
    positions,
    slotMapping: positions,
    sequenceIds: new Uint32Array(numTokens),
    blockTables: Uint32Array.from({ length: numBlocks }, (_, i) => i),
    logitsRows: Uint32Array.from({ length: numTokens }, (_, i) => i),
    sampling: [],
    scoring: [],
  };
}

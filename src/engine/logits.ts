import type { Batch } from '../ops/ops.js';
import { type Backend, withBackend } from './backend.js';
import { type DeviceModel, enqueueForward, loadDeviceModel } from './device-model.js';
import type { EngineOptions, LoadProgress } from './options.js';

/** A model that is asked for logits instead of text: for evaluation. */
export interface LogitsModel {
  readonly maxModelLen: number;
  readonly vocabSize: number;
  /**
   * Logits after each token of one sequence, `[tokens][vocab]`. At most maxModelLen tokens. Rejects when the device is lost.
   * @param adapter its number, from 1; absent, none
   */
  logits(tokenIds: readonly number[], adapter?: number): Promise<Float32Array<ArrayBuffer>>;
  /** The same after the tokens from index `first` on alone, a chunk of neighbouring rows at a time, in order. One sequence at a time. */
  rows(tokenIds: readonly number[], first: number): AsyncIterable<Float32Array<ArrayBuffer>>;
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
  return withBackend(options, (backend) => load(backend, sized, onProgress));
}

async function load<B>(
  backend: Backend<B>,
  options: EngineOptions,
  onProgress: (progress: LoadProgress) => void,
): Promise<LogitsModel> {
  const capacity = { maxLogits: CHUNK_TOKENS, maxSampled: 0 };
  const device = await loadDeviceModel(backend, options, capacity, onProgress);
  return {
    maxModelLen: device.plan.maxModelLen,
    vocabSize: device.model.config.vocabSize,
    logits: (tokenIds, adapter) => allRows(device, tokenIds, adapter),
    rows: (tokenIds, first) => prefill(device, tokenIds, first),
    destroy: () => backend.ops.destroy(),
  };
}

async function allRows<B>(
  device: DeviceModel<B>,
  tokenIds: readonly number[],
  adapter = 0,
): Promise<Float32Array<ArrayBuffer>> {
  const all = new Float32Array(tokenIds.length * device.model.config.vocabSize);
  let offset = 0;
  for await (const rows of prefill(device, tokenIds, 0, adapter)) {
    all.set(rows, offset);
    offset += rows.length;
  }
  return all;
}

/** Logits of tokens before `first` are not computed. */
async function* prefill<B>(
  device: DeviceModel<B>,
  tokenIds: readonly number[],
  first: number,
  adapter = 0,
): AsyncGenerator<Float32Array<ArrayBuffer>> {
  const { ops } = device.backend;
  if (tokenIds.length > device.plan.maxModelLen)
    throw new RangeError(`more than ${device.plan.maxModelLen} tokens`);
  for (let start = 0; start < tokenIds.length; start += CHUNK_TOKENS) {
    const chunk = tokenIds.slice(start, start + CHUNK_TOKENS);
    const skipped = Math.min(Math.max(0, first - start), chunk.length);
    const numLogits = chunk.length - skipped;
    const batch = chunkBatch(chunk, { start, skipped }, device.plan.maxBlocksPerSequence);
    const hasAdapters = adapter > 0;
    ops.writeBatch(device.batch, hasAdapters ? { ...batch, adapters: Uint32Array.of(adapter) } : batch);
    const step = { numTokens: chunk.length, numLogits, previous: device.noResults, hasAdapters };
    enqueueForward(device, step);
    // A step is sent when something is read of it, so of one without logits a row is read for nothing.
    const rows = await ops.read(device.activations.logits, Math.max(1, numLogits));
    if (numLogits > 0) yield rows;
  }
}

/** Tokens `start …` of the only sequence, whose logical blocks are the physical ones of the same index. The first `skipped` want no logits. */
export function chunkBatch(
  tokenIds: readonly number[],
  { start, skipped }: { start: number; skipped: number },
  numBlocks: number,
): Batch {
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
    logitsRows: Uint32Array.from({ length: numTokens - skipped }, (_, i) => skipped + i),
    sampling: [],
    scoring: [],
  };
}

import { editedRows } from '../ops/edits-layout.js';
import type { Batch, Tensor } from '../ops/ops.js';
import { RESULT } from '../ops/result-layout.js';
import { formatName } from '../quant/formats.js';
import { type Backend, withBackend } from './backend.js';
import {
  type DeviceModel,
  enqueueForward,
  type LogitsCapacity,
  loadDeviceModel,
  type OpenModel,
  openModelDirectory,
} from './device-model.js';
import type { LoadedModel, ModelRunner, StepResults } from './model-runner.js';
import { type EngineOptions, type LoadProgress, MAX_SCORED_TOKENS } from './options.js';
import type { EngineInfo } from './types.js';

/** Loads the model directory, or what `openModel` opens in its place, onto its device. Throws CheckpointError or UserError where it cannot be used. */
export async function createRunner(
  options: EngineOptions,
  onProgress: (progress: LoadProgress) => void,
  openModel: OpenModel = openModelDirectory,
): Promise<LoadedModel> {
  return withBackend(options, (backend) => buildRunner(backend, options, onProgress, openModel));
}

async function buildRunner<B>(
  backend: Backend<B>,
  options: EngineOptions,
  onProgress: (progress: LoadProgress) => void,
  openModel: OpenModel,
): Promise<LoadedModel> {
  const device = await loadDeviceModel(backend, options, logitsCapacity(options), onProgress, openModel);
  const runner = new DeviceRunner(device);
  await runner.warmUp();
  const { eosTokenIds, vocabSize } = device.model.config;
  return { runner, info: describe(device, options), eosTokenIds, vocabSize };
}

function logitsCapacity({ maxNumSeqs, numSpeculativeTokens }: EngineOptions): LogitsCapacity {
  const maxSampled = maxNumSeqs * (1 + numSpeculativeTokens);
  return { maxSampled, maxLogits: maxSampled + MAX_SCORED_TOKENS };
}

/** Runs batches: forward pass, sampling, and one readback of the results. */
class DeviceRunner<B> implements ModelRunner {
  readonly #device: DeviceModel<B>;
  /** Results of the newest batch and of the one before, u32 `[logits][RESULT.words]`: a batch reads its pending tokens from the latter. */
  #results: Tensor<B>;
  #previous: Tensor<B>;

  constructor(device: DeviceModel<B>) {
    this.#device = device;
    const { ops } = device.backend;
    const { maxLogits } = device.batch.capacity;
    const results = () => ops.tensor(maxLogits, RESULT.words, 'u32', 'activations');
    [this.#results, this.#previous] = [results(), results()];
  }

  get dispatchesPerStep(): number {
    return this.#device.backend.ops.dispatchesPerStep;
  }

  get lost(): Promise<Error> {
    return this.#device.backend.lost;
  }

  /** A step without rows of logits is waited for all the same, so that steps do not pile up. */
  async run(
    batch: Batch,
    { hidden: wantsHidden }: { readonly hidden: boolean } = { hidden: false },
  ): Promise<StepResults> {
    const { ops } = this.#device.backend;
    [this.#results, this.#previous] = [this.#previous, this.#results];
    const numLogits = batch.logitsRows.length;
    ops.writeBatch(this.#device.batch, batch);
    const hasAdapters = batch.adapters !== undefined;
    enqueueForward(this.#device, {
      numTokens: batch.numTokens,
      numLogits,
      previous: this.#previous,
      hasAdapters,
      wantsHidden,
    });
    this.#sample(batch, numLogits);
    const results = ops.readWords(this.#results, Math.max(1, numLogits));
    if (!wantsHidden) return results;
    const [reading, hidden] = await Promise.all([
      results,
      ops.read(this.#device.activations.normed, batch.numTokens),
    ]);
    return { ...reading, hidden };
  }

  /** Compiles the kernels that sample, and runs each once with either of the two results. */
  async warmUp(): Promise<void> {
    const { ops } = this.#device.backend;
    await ops.prepare(() => this.#enqueueSampling({ numEdited: 1, numSampled: 1, numScored: 1 }));
    for (let i = 0; i < 2; i++) await this.run(warmUpBatch());
  }

  destroy(): void {
    this.#device.backend.ops.destroy();
  }

  #sample({ sampling, scoring }: Batch, numLogits: number): void {
    const isScored = scoring.length > 0 || sampling.some(({ numLogprobs }) => numLogprobs !== null);
    this.#enqueueSampling({
      numEdited: editedRows(sampling).length,
      numSampled: sampling.length,
      numScored: isScored ? numLogits : 0,
    });
  }

  #enqueueSampling({
    numEdited,
    numSampled,
    numScored,
  }: Record<'numEdited' | 'numSampled' | 'numScored', number>): void {
    const { backend, batch, activations } = this.#device;
    const { ops } = backend;
    const { logits } = activations;
    if (numEdited > 0) ops.editLogits({ batch, previous: this.#previous, logits, rows: numEdited });
    if (numSampled > 0) ops.sample({ batch, logits, out: this.#results, rows: numSampled });
    if (numScored > 0) ops.logprobs({ batch, logits, out: this.#results, rows: numScored });
  }
}

/** One token at the start of block 0, with all that can be asked of its logits. */
function warmUpBatch(): Batch {
  const edits = {
    repetition: 1,
    frequency: 0,
    presence: 0,
    counts: [],
    pending: null,
    biases: [],
    allowed: null,
  };
  const row = { temperature: 1, topK: 2, topP: 0.5, minP: 0, seed: [0, 0] as const, position: 1 };
  return {
    numTokens: 1,
    numSequences: 1,
    tokenIds: new Uint32Array(1),
    positions: new Uint32Array(1),
    slotMapping: new Uint32Array(1),
    sequenceIds: new Uint32Array(1),
    blockTables: new Uint32Array(1),
    logitsRows: new Uint32Array(1),
    sampling: [{ ...row, edits, numLogprobs: 1 }],
    scoring: [],
  };
}

function describe<B>({ backend, model, plan }: DeviceModel<B>, options: EngineOptions): EngineInfo {
  const { format } = model.layers[0].qkv.weight.parts[0];
  return {
    maxModelLen: plan.maxModelLen,
    hiddenSize: model.config.hiddenSize,
    maxNumSeqs: options.maxNumSeqs,
    blockSize: plan.blockSize,
    numBlocks: plan.numBlocks,
    adapter: backend.adapter,
    memory: backend.ops.memory(),
    weightFormat: formatName(format),
    computeType: backend.ops.computeType,
    kvCacheType: plan.kvType,
  };
}

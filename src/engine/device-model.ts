import type { Checkpoint } from '../checkpoint/checkpoint.js';
import { openWeights } from '../checkpoint/open.js';
import type { ModelConfig } from '../model/config.js';
import { parseModelConfig } from '../model/config-parse.js';
import { type Activations, createActivations, forward, type Step } from '../model/forward.js';
import { loadModel } from '../model/load.js';
import { type LoraAdapter, openAdapter } from '../model/lora-adapter.js';
import { loraBytes, numRanks } from '../model/loras.js';
import { ordersColumns, type WeightSource } from '../model/matrices.js';
import type { Model } from '../model/model.js';
import { activationOption, roundsActivations } from '../model/rounding.js';
import { layerMatrixBytes, weightBytes } from '../model/weight-bytes.js';
import type { Batch, BatchBuffers, BatchCapacity, KvCache, Tensor } from '../ops/ops.js';
import { RESULT } from '../ops/result-layout.js';
import { type ActivationType, parseQuantization } from '../quant/formats.js';
import { autotuneModel } from './autotune.js';
import type { Backend } from './backend.js';
import { checkKernels, findFault } from './load-check.js';
import { chooseKvType, kvBytesPerToken, type MemoryPlan, planMemory } from './memory-plan.js';
import { planOffload } from './offload-plan.js';
import { measureOffload, offloadLine } from './offload-rate.js';
import type { EngineOptions, LoadProgress } from './options.js';

/** A model with all that a step needs, on its device. */
export interface DeviceModel<B> {
  readonly backend: Backend<B>;
  readonly model: Model<B>;
  readonly plan: MemoryPlan;
  readonly caches: readonly KvCache<B>[];
  readonly activations: Activations<B>;
  readonly batch: BatchBuffers<B>;
  /** In place of the results of a step before, where there is none. */
  readonly noResults: Tensor<B>;
}

/** What a model is made of. */
export interface ModelSource {
  readonly config: ModelConfig;
  readonly checkpoint: WeightSource;
}

export type OpenModel = (options: Pick<EngineOptions, 'modelDir'>) => Promise<ModelSource>;

/** Opens a model directory or a GGUF file. */
export async function openModelDirectory({
  modelDir,
}: Pick<EngineOptions, 'modelDir'>): Promise<ModelSource> {
  const config = await parseModelConfig(modelDir);
  return { config, checkpoint: await openWeights(modelDir) };
}

/**
 * Loads a model directory, or what `openModel` opens in its place, and makes its kernels ready.
 * Throws CheckpointError or UserError where the model cannot be used, LoadCheckError where the device computes it wrongly.
 */
export async function loadDeviceModel<B>(
  backend: Backend<B>,
  options: EngineOptions,
  logits: LogitsCapacity,
  onProgress: (progress: LoadProgress) => void,
  openModel: OpenModel = openModelDirectory,
): Promise<DeviceModel<B>> {
  const { config, checkpoint } = await openModel(options);
  const total = checkpointBytes(checkpoint);
  const onBytes = (done: number) => onProgress({ stage: 'weights', done, total });
  const loaded = await withAdapters(checkpoint, options.adapters ?? [], (adapters) =>
    load(backend, { config, checkpoint, adapters }, options, logits, onBytes),
  );
  const device = { backend, ...loaded, ...allocate(backend, config, loaded.plan, options, logits) };
  const offload = await measureOffload(backend.ops, loaded.model.bring, device.noResults);
  if (offload !== null) onProgress({ stage: 'weights', done: total, total, note: offloadLine(offload) });
  if (options.autotune) await autotuneModel(device, onProgress);
  onProgress({ stage: 'kernels', done: total, total });
  const steps = warmUpSteps(device);
  await warmUp(device, steps);
  if (!backend.isReference) await checkKernels(device, [...new Set(steps.map(({ numTokens }) => numTokens))]);
  return device;
}

export type LogitsCapacity = Pick<BatchCapacity, 'maxLogits' | 'maxSampled'>;

/** Enqueues one step: hidden states of all its tokens, logits of those that it asks for. One that tells hidden states is worked out each time. */
export function enqueueForward<B>(device: DeviceModel<B>, step: Omit<Step<B>, 'batch'>): void {
  const { backend, model, caches, activations, batch } = device;
  const whole = { ...step, batch };
  const work = () => forward(backend.ops, model, caches, activations, whole);
  if (step.wantsHidden === true) work();
  else backend.ops.replay(whole, work);
}

/** Opens the adapters, and closes them and the checkpoint when `use` has read them, or one of them is none. */
async function withAdapters<T>(
  checkpoint: Checkpoint,
  folders: readonly string[],
  use: (adapters: readonly LoraAdapter[]) => Promise<T>,
): Promise<T> {
  const adapters: LoraAdapter[] = [];
  try {
    for (const folder of folders) adapters.push(await openAdapter(folder));
    return await use(adapters);
  } finally {
    for (const opened of [checkpoint, ...adapters.map((adapter) => adapter.checkpoint)]) await opened.close();
  }
}

function checkpointBytes(checkpoint: Checkpoint): number {
  let bytes = 0;
  for (const tensor of checkpoint.tensors.values()) bytes += tensor.bytes;
  return bytes;
}

/** Activations are there before the memory is planned, so that the ledger tells what they take. */
async function load<B>(
  backend: Backend<B>,
  { checkpoint, config, adapters }: ModelSource & { readonly adapters: readonly LoraAdapter[] },
  options: EngineOptions,
  logits: LogitsCapacity,
  onBytes: (bytes: number) => void,
): Promise<Pick<DeviceModel<B>, 'plan' | 'model' | 'activations'>> {
  const { ops } = backend;
  const quantization = options.quantization === null ? null : parseQuantization(options.quantization);
  const rounding = activationOption(options.quantization, options.outlierThreshold);
  const type: ActivationType = roundsActivations(checkpoint, rounding) ? 'int8' : 'float';
  const inputs = { type, ordersColumns: ordersColumns(checkpoint), numRanks: numRanks(adapters, config) };
  const activations = createActivations(ops, config, options.maxNumBatchedTokens, logits, inputs);
  const maxPositions = Math.min(
    options.maxModelLen ?? Number.POSITIVE_INFINITY,
    config.maxPositionEmbeddings,
  );
  const bytes = {
    weights: weightBytes(checkpoint, config, quantization, maxPositions) + loraBytes(adapters, config),
    layers: layerMatrixBytes(checkpoint, config, quantization),
    activations: ops.memory().activations,
  };
  const tokenBytes = kvBytesPerToken(config, chooseKvType(options.kvCacheDtype, ops.computeType));
  const offload = planOffload(options, backend, bytes, { tokenBytes, maxPositions });
  const plan = planMemory(config, options, backend, { ...bytes, weights: offload.deviceBytes });
  const { maxModelLen } = plan;
  const { numHostLayers } = offload;
  const loading = { quantization, activations: rounding, maxModelLen, numHostLayers, adapters, onBytes };
  const model = await loadModel(ops, checkpoint, config, loading);
  return { plan, model, activations };
}

function allocate<B>(
  { ops }: Backend<B>,
  config: ModelConfig,
  plan: MemoryPlan,
  options: EngineOptions,
  logits: LogitsCapacity,
): Pick<DeviceModel<B>, 'caches' | 'batch' | 'noResults'> {
  const { numKvHeads, headDim, numLayers } = config;
  const { numBlocks, blockSize, maxBlocksPerSequence, kvType: type } = plan;
  const { maxNumBatchedTokens: maxTokens, maxNumSeqs: maxSequences } = options;
  return {
    caches: Array.from({ length: numLayers }, () =>
      ops.kvCache({ numBlocks, blockSize, numKvHeads, headDim, type }),
    ),
    batch: ops.batch({ maxTokens, maxSequences, maxBlocksPerSequence, ...logits }),
    noResults: ops.tensor(1, RESULT.words, 'u32', 'activations'),
  };
}

/**
 * Every number of tokens that takes kernels of its own. Attention has one way for runs, one for a single token, and may have one for a
 * single token at the end of a context that is worth splitting, as the longest of these is.
 */
const WARM_UP_STEPS = [
  { size: 1, contextLen: 1 },
  { size: 1, contextLen: 1024 },
  { size: 2, contextLen: 2 },
  { size: 4, contextLen: 1024 },
  { size: 8, contextLen: 2 },
  { size: 9, contextLen: 2 },
];

interface WarmUpStep {
  readonly wantsHidden?: boolean;
  readonly hasAdapters: boolean;
  /** Whether it is run after its kernels are compiled. */
  readonly runs: boolean;
  readonly numTokens: number;
  readonly numLogits: number;
  readonly contextLen: number;
}

function warmUpSteps<B>(device: DeviceModel<B>): readonly WarmUpStep[] {
  const { ops } = device.backend;
  const { maxTokens, maxLogits } = device.batch.capacity;
  const sizes = [...ops.gemmSteps, ...expertSizes(device)];
  const more = sizes.map((size) => ({ size, contextLen: 2, runs: true }));
  // The largest step, in which no workgroups share K, may take seconds.
  const largest = ops.gemmSteps.length > 0 ? [{ size: maxTokens, contextLen: 2, runs: false }] : [];
  const few = WARM_UP_STEPS.map((step) => ({ ...step, runs: true }));
  const steps = [...few, ...more, ...largest].map(({ size, contextLen, runs }) => ({
    runs,
    numTokens: Math.min(size, maxTokens),
    numLogits: Math.min(size, maxLogits),
    contextLen: Math.min(contextLen, device.plan.maxModelLen),
    hasAdapters: false,
  }));
  const again = device.model.loras === null ? [] : steps.map((step) => ({ ...step, hasAdapters: true }));
  return [...steps, ...again];
}

/**
 * Compiles every kernel that a step can use, all together, then runs each once: a driver may compile again at the first dispatch.
 * The steps write to KV block 0, which whoever gets that block first overwrites. Rejects with LoadCheckError where logits are no numbers.
 */
async function warmUp<B>(device: DeviceModel<B>, steps: readonly WarmUpStep[]): Promise<void> {
  const { ops } = device.backend;
  const enqueue = (step: WarmUpStep) => {
    ops.writeBatch(device.batch, warmUpBatch(step, device.batch.capacity));
    enqueueForward(device, { ...step, previous: device.noResults });
  };
  await ops.prepare(() => {
    for (const step of steps) enqueue(step);
    for (const step of steps) enqueue({ ...step, wantsHidden: true });
  });
  for (const step of steps.filter(({ runs }) => runs)) {
    enqueue(step);
    const logits = await ops.read(device.activations.logits, 1);
    if (!logits.every(Number.isFinite)) throw await findFault(device);
  }
}

/** Numbers of tokens from which on the products of experts take other kernels than those of the steps above. */
function expertSizes<B>({ backend, activations: { experts } }: DeviceModel<B>): readonly number[] {
  if (experts === null) return [];
  const sizes = backend.ops.expertSteps(experts.routing, experts.codes === null ? 'float' : 'int8');
  return sizes.filter((size) => WARM_UP_STEPS.every((step) => step.size !== size));
}

/** Runs of at most three neighbouring tokens; the last token ends a context of `contextLen`. */
function warmUpBatch(
  { numTokens, numLogits, contextLen, hasAdapters }: WarmUpStep,
  { maxBlocksPerSequence }: BatchCapacity,
): Batch {
  return {
    numTokens,
    numSequences: 1,
    tokenIds: new Uint32Array(numTokens),
    positions: Uint32Array.from({ length: numTokens }, (_, i) =>
      i < numTokens - 1 ? i % 3 : contextLen - 1,
    ),
    slotMapping: new Uint32Array(numTokens),
    sequenceIds: new Uint32Array(numTokens),
    blockTables: new Uint32Array(maxBlocksPerSequence),
    ...(hasAdapters ? { adapters: Uint32Array.of(1) } : {}),
    logitsRows: new Uint32Array(numLogits),
    sampling: [],
    scoring: [],
  };
}

import { attentionTiles, batchLayout, writeAttentionTiles, writeBatchWords } from '../ops/batch-layout.js';
import { kvHeadBytes } from '../ops/kv-layout.js';
import {
  type Batch,
  type BatchBuffers,
  type BatchCapacity,
  type ElementType,
  type HostArea,
  type HostWeights,
  type KvCache,
  type KvCacheShape,
  type MemoryKind,
  type OpArgs,
  type Ops,
  type ReplayedStep,
  type Routing,
  type RoutingShape,
  rowStride,
  type StepReading,
  type Tensor,
  type Weight,
} from '../ops/ops.js';
import type { ActivationType } from '../quant/formats.js';
import type { PackedRows } from '../quant/packed-rows.js';
import type { PackedWeight } from '../quant/weight.js';
import { activationConstants } from './activation-constants.js';
import { attentionDispatches, rotatesHeads } from './attention-dispatches.js';
import { partialsBytes } from './attention-splits.js';
import { BufferPool } from './buffers.js';
import { Doze } from './doze.js';
import { createEdits, uploadEdits } from './edits-upload.js';
import { embedDispatches } from './embed-dispatches.js';
import { addExpertsDispatch, orderWords, routeDispatches } from './expert-dispatches.js';
import { expertSteps } from './expert-tiling.js';
import { gemmSteps, splitSumsBytes } from './gemm-tiling.js';
import { gramDispatch } from './gram-dispatch.js';
import { type LinearScratch, linearDispatches, linearFusion } from './linear-dispatches.js';
import { loraDispatches } from './lora-dispatches.js';
import { layerNormDispatch, rmsNormDispatch } from './norm-dispatches.js';
import { Params } from './params.js';
import { PassClock } from './pass-clock.js';
import { type PipelineSpec, plainSpec } from './pipelines.js';
import { Readback, type Reading } from './readback.js';
import { Recorder } from './recorder.js';
import { Replays } from './replays.js';
import { ropeDispatch } from './rope-dispatch.js';
import { decodeRows, elementBytes, encodeRows, unpad } from './rows.js';
import { editLogitsDispatch, logprobsDispatch, sampleDispatch } from './sampling-dispatches.js';
import { Tilings } from './tilings.js';
import { batchInvariant, type Tuning, tuningFor } from './tuning.js';
import { WeightUpload } from './weight-upload.js';

type Args<Name extends keyof Ops<GPUBuffer>> = OpArgs<GPUBuffer, Name>;

/** What of the adapter's tuning is otherwise, and whether results must not depend on the batch. */
export interface WebGpuOptions extends Partial<Tuning> {
  readonly batchInvariant?: boolean;
}

/**
 * The operations on a GPU. Most are one dispatch, or one per part of a weight; `linear` and `attention` say when they are more.
 * Shapes and formulas are those of `Ops`.
 */
export class WebGpuOps implements Ops<GPUBuffer> {
  readonly computeType: 'f32' | 'f16';
  /** Of the matrix products. */
  readonly tilings: Tilings;
  readonly #device: GPUDevice;
  readonly #buffers: BufferPool;
  readonly #recorder: Recorder;
  readonly #replays = new Replays();
  readonly #readback: Readback;
  readonly #upload: WeightUpload;
  readonly #tuning: Tuning;
  /** Bound where an operand is absent. */
  readonly #nothing: GPUBuffer;
  /** Scratch of split attention; nothing where no attention is split. */
  readonly #partials: GPUBuffer;
  readonly #linearScratch: LinearScratch;

  constructor(device: GPUDevice, computeType: 'f32' | 'f16', options: WebGpuOptions = {}) {
    const { batchInvariant: invariant = false, ...changes } = options;
    const tuning = { ...tuningFor(device), ...changes };
    this.computeType = computeType;
    this.#device = device;
    this.#tuning = invariant ? batchInvariant(tuning) : tuning;
    this.tilings = new Tilings(this.#tuning, computeType);
    this.#buffers = new BufferPool(device);
    const clock = PassClock.of(device);
    this.#recorder = new Recorder(device, this.#buffers, clock);
    this.#readback = new Readback(device, this.#recorder, clock, new Doze(this.#tuning.dozeMs));
    this.#upload = new WeightUpload(device, this.#buffers);
    this.#nothing = this.#buffers.storage(16, 'activations');
    this.#partials = this.#scratch(partialsBytes(this.#tuning));
    this.#linearScratch = { nothing: this.#nothing, sums: this.#scratch(splitSumsBytes(this.#tuning)) };
  }

  get gemmSteps(): readonly number[] {
    return gemmSteps(this.computeType, this.#tuning);
  }

  get dispatchesPerStep(): number {
    return this.#recorder.dispatchesPerStep;
  }

  get numPipelines(): number {
    return this.#recorder.pipelines.numCompiled;
  }

  /** The kernels that are ready to run. */
  get pipelines(): readonly PipelineSpec[] {
    return this.#recorder.pipelines.compiled;
  }

  tensor(rows: number, cols: number, type: ElementType, kind: MemoryKind): Tensor<GPUBuffer> {
    const stride = rowStride(cols);
    const data = this.#buffers.storage(rows * stride * elementBytes(type), kind);
    return { data, rows, cols, stride, type };
  }

  weight(parts: readonly PackedWeight[], unit = 1): Weight<GPUBuffer> {
    return this.#upload.put(parts, unit);
  }

  loadWeight(parts: readonly PackedRows[], unit = 1): Promise<Weight<GPUBuffer>> {
    return this.#upload.load(parts, unit);
  }

  unload(weight: Weight<GPUBuffer>): void {
    this.#upload.unload(weight);
  }

  inHost<T>(area: HostArea, load: () => Promise<T>): Promise<{ loaded: T; host: HostWeights<GPUBuffer> }> {
    return this.#upload.inHost(area, load);
  }

  bring({ copies }: HostWeights<GPUBuffer>): void {
    this.#recorder.copy(copies);
  }

  constant(values: Float32Array | Uint32Array, rows: number, cols: number): Tensor<GPUBuffer> {
    const data = this.#buffers.upload(values, 'weights');
    const type = values instanceof Uint32Array ? 'u32' : 'f32';
    return { data, rows, cols, stride: cols, type };
  }

  kvCache(shape: KvCacheShape): KvCache<GPUBuffer> {
    const bytes = shape.numBlocks * shape.blockSize * shape.numKvHeads * kvHeadBytes(shape);
    const [k, v] = [this.#buffers.storage(bytes, 'kv_cache'), this.#buffers.storage(bytes, 'kv_cache')];
    return { ...shape, k, v };
  }

  routing(shape: RoutingShape): Routing<GPUBuffer> {
    const { maxTokens, topK } = shape;
    const experts = this.tensor(maxTokens, topK, 'u32', 'activations');
    const weights = this.tensor(maxTokens, topK, 'f32', 'activations');
    const order = this.#buffers.storage(4 * orderWords(shape), 'activations');
    return { ...shape, experts, weights, order };
  }

  expertSteps(shape: RoutingShape, activations: ActivationType): readonly number[] {
    return expertSteps(shape, this.#typeOf(activations), this.#tuning);
  }

  batch(capacity: BatchCapacity): BatchBuffers<GPUBuffer> {
    const words = new Uint32Array(batchLayout(capacity).words);
    const data = this.#buffers.storage(words.byteLength, 'activations');
    return { capacity, words, data, edits: createEdits(this.#buffers) };
  }

  write(target: Tensor<GPUBuffer>, values: Float32Array): void {
    const data = encodeRows(values, target);
    this.#device.queue.writeBuffer(target.data, 0, data);
  }

  writeBatch(target: BatchBuffers<GPUBuffer>, batch: Batch): void {
    const layout = batchLayout(target.capacity);
    const used = writeBatchWords(layout, batch, target.words);
    writeAttentionTiles(layout, attentionTiles(batch, this.#tuning.attentionTokens), target.words);
    this.#device.queue.writeBuffer(target.data, 0, target.words, 0, used);
    target.edits = uploadEdits(this.#device, this.#buffers, target.edits, batch.sampling);
  }

  embed(args: Args<'embed'>): void {
    for (const dispatch of embedDispatches(args, this.#nothing)) this.#recorder.add(dispatch);
  }

  rmsNorm(args: Args<'rmsNorm'>): void {
    this.#recorder.add(rmsNormDispatch(args, this.#tuning));
  }

  layerNorm(args: Args<'layerNorm'>): void {
    this.#recorder.add(layerNormDispatch(args, this.#tuning));
  }

  linear(args: Args<'linear'>): void {
    const { x, out, rows, norm = null, gated = null, activation = 'silu', experts } = args;
    const fusion = linearFusion(args, this.#tuning);
    if (norm !== null && !fusion.norm) {
      if (norm.bias) this.layerNorm({ x, rows, ...norm, bias: norm.bias });
      else this.rmsNorm({ x, rows, ...norm });
      this.linear({ ...args, x: norm.out, norm: null });
    } else if (gated !== null && !fusion.gates) {
      this.linear({ ...args, out: gated, gated: null });
      this.activate({ x: gated, out, rows: rows * (experts?.routing.topK ?? 1), activation });
    } else {
      for (const dispatch of linearDispatches(args, this.tilings, this.#linearScratch)) {
        this.#recorder.add(dispatch);
      }
    }
  }

  route(args: Args<'route'>): void {
    const type = this.#typeOf(args.activations);
    for (const dispatch of routeDispatches(args, type, this.#tuning)) this.#recorder.add(dispatch);
  }

  addExperts(args: Args<'addExperts'>): void {
    this.#recorder.add(addExpertsDispatch(args));
  }

  ropeAndCache(args: Args<'ropeAndCache'>): void {
    this.#recorder.add(ropeDispatch(args, this.#tuning, this.#nothing));
  }

  attention(args: Args<'attention'>): void {
    const { projected = null } = args;
    if (projected !== null && !rotatesHeads(args, this.#tuning)) {
      this.ropeAndCache({ ...args, ...projected });
      this.attention({ ...args, projected: null });
      return;
    }
    for (const dispatch of attentionDispatches(args, this.#tuning, this.#partials)) {
      this.#recorder.add(dispatch);
    }
  }

  activate({ x, out, rows, activation }: Args<'activate'>): void {
    const constants = { GATED: x.cols === out.cols ? 0 : 1, ...activationConstants(activation) };
    this.#recorder.add({
      spec: plainSpec('activate', { X: x.type, Y: out.type }, constants),
      buffers: [x.data, out.data],
      weight: [],
      params: new Params().u32(out.cols, x.stride, out.stride).words,
      grid: [Math.ceil(out.cols / 32), rows, 1],
    });
  }

  addLora(args: Args<'addLora'>): void {
    for (const dispatch of loraDispatches(args, this.#tuning.normLanes)) this.#recorder.add(dispatch);
  }

  softCap({ x, rows, cap }: Args<'softCap'>): void {
    this.#recorder.add({
      spec: plainSpec('soft_cap', { X: x.type }, {}),
      buffers: [x.data],
      weight: [],
      params: new Params().u32(x.cols, x.stride).f32(cap).words,
      grid: [Math.ceil(x.cols / 32), rows, 1],
    });
  }

  gram(args: Args<'gram'>): void {
    this.#recorder.add(gramDispatch(args));
  }

  gatherRows({ batch, x, out, rows }: Args<'gatherRows'>): void {
    const { logitsRows } = batchLayout(batch.capacity);
    this.#recorder.add({
      spec: plainSpec('gather_rows', { X: x.type }, {}),
      buffers: [batch.data, x.data, out.data],
      weight: [],
      params: new Params().u32(x.cols, x.stride, logitsRows).words,
      grid: [Math.ceil(x.cols / 32), rows, 1],
    });
  }

  editLogits(args: Args<'editLogits'>): void {
    this.#recorder.add(editLogitsDispatch(args, this.#tuning));
  }

  sample(args: Args<'sample'>): void {
    this.#recorder.add(sampleDispatch(args, this.#tuning));
  }

  logprobs(args: Args<'logprobs'>): void {
    this.#recorder.add(logprobsDispatch(args, this.#tuning));
  }

  replay(step: ReplayedStep<GPUBuffer>, work: () => void): void {
    this.#replays.run(step, this.#tuning, this.#recorder, work);
  }

  prepare(work: () => void): Promise<readonly string[]> {
    return this.#recorder.prepare(work);
  }

  submit(): void {
    this.#recorder.submit();
  }

  async read(tensor: Tensor<GPUBuffer>, rows: number): Promise<Float32Array<ArrayBuffer>> {
    return decodeRows((await this.#read(tensor, rows)).bytes, tensor);
  }

  async readWords(tensor: Tensor<GPUBuffer>, rows: number): Promise<StepReading> {
    const { bytes, gpuMs } = await this.#read(tensor, rows);
    return { words: unpad(new Uint32Array(bytes), tensor, Uint32Array), gpuMs };
  }

  #typeOf(activations: ActivationType): ElementType {
    return activations === 'int8' ? 'u32' : this.computeType;
  }

  #scratch(bytes: number): GPUBuffer {
    return bytes === 0 ? this.#nothing : this.#buffers.storage(bytes, 'activations');
  }

  #read(tensor: Tensor<GPUBuffer>, rows: number): Promise<Reading> {
    return this.#readback.read(tensor.data, rows * tensor.stride * elementBytes(tensor.type));
  }

  memory(): Readonly<Record<MemoryKind, number>> {
    return this.#buffers.memory();
  }

  destroy(): void {
    this.#readback.destroy();
    this.#buffers.destroy();
    this.#device.destroy();
  }
}

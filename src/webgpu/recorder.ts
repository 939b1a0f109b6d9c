import type { BufferPool } from './buffers.js';
import type { PassClock } from './pass-clock.js';
import { type Pipeline, PipelineCache, type PipelineSpec, pipelineName } from './pipelines.js';

export interface Dispatch {
  readonly spec: PipelineSpec;
  /** Bound after the parameters, in the kernel's order. */
  readonly buffers: readonly GPUBuffer[];
  /** Bound as group 1, for kernels that read a weight. */
  readonly weight: readonly GPUBuffer[];
  /** Words of the kernel's `Params`, 64 at most. */
  readonly params: Uint32Array;
  readonly grid: readonly [number, number, number];
}

export interface BufferCopy {
  readonly from: GPUBuffer;
  readonly to: GPUBuffer;
  readonly bytes: number;
}

/** Bytes from one dispatch's parameters to the next: the largest alignment that WebGPU allows an adapter to ask for. */
const PARAMS_STRIDE = 256;
const MAX_DISPATCHES = 4096;

type GroupTree = Map<GPUBuffer | GPUBindGroupLayout, GroupTree | GPUBindGroup>;

/**
 * Collects the dispatches of a step into one compute pass, or several with copies between them, and submits once. Bind groups are made on first use and kept:
 * making one costs more than a dispatch. Parameters go to one uniform buffer, bound at a dynamic offset.
 */
export class Recorder {
  readonly pipelines: PipelineCache;
  readonly #device: GPUDevice;
  readonly #params: GPUBuffer;
  readonly #clock: PassClock | null;
  readonly #words = new Uint32Array((PARAMS_STRIDE / 4) * MAX_DISPATCHES);
  readonly #groups: GroupTree = new Map();
  #collected: PipelineSpec[] | null = null;
  #encoder: GPUCommandEncoder | null = null;
  #pass: GPUComputePassEncoder | null = null;
  #count = 0;
  #lastCount = 0;

  constructor(device: GPUDevice, buffers: BufferPool, clock: PassClock | null = null) {
    this.#device = device;
    this.#clock = clock;
    this.pipelines = new PipelineCache(device);
    this.#params = buffers.uniform(PARAMS_STRIDE * MAX_DISPATCHES);
  }

  /** Dispatches in the last submit. */
  get dispatchesPerStep(): number {
    return this.#lastCount;
  }

  /** Compiles, in parallel, the pipelines of the dispatches that `work` adds, without running them. Resolves with their names. */
  async prepare(work: () => void): Promise<readonly string[]> {
    const specs: PipelineSpec[] = [];
    this.#collected = specs;
    try {
      work();
    } finally {
      this.#collected = null;
    }
    await this.pipelines.compile(specs);
    return specs.map(pipelineName);
  }

  add(dispatch: Dispatch): void {
    if (this.#collected !== null) {
      this.#collected.push(dispatch.spec);
      return;
    }
    if (this.#count === MAX_DISPATCHES) this.submit();
    const pipeline = this.pipelines.get(dispatch.spec);
    const pass = this.#openPass();
    this.#words.set(dispatch.params, (this.#count * PARAMS_STRIDE) / 4);
    pass.setPipeline(pipeline.pipeline);
    pass.setBindGroup(0, this.#bindGroup(pipeline, dispatch.buffers), [this.#count * PARAMS_STRIDE]);
    if (pipeline.weightLayout !== null) {
      pass.setBindGroup(1, this.#group(pipeline.weightLayout, dispatch.weight, null));
    }
    pass.dispatchWorkgroups(...dispatch.grid);
    this.#count++;
  }

  /** Copies buffers between what was added before and what is added next. */
  copy(copies: readonly BufferCopy[]): void {
    if (this.#collected !== null) return;
    this.#closePass();
    this.#encoder ??= this.#device.createCommandEncoder();
    for (const { from, to, bytes } of copies) this.#encoder.copyBufferToBuffer(from, 0, to, 0, bytes);
  }

  /** Sends what was added since the last submit, and behind it in the same submission what `finish` encodes. */
  submit(finish?: (encoder: GPUCommandEncoder) => void): void {
    if (this.#encoder === null && finish === undefined) return;
    this.#closePass();
    this.#writeParams();
    const encoder = this.#encoder ?? this.#device.createCommandEncoder();
    finish?.(encoder);
    this.#encoder = null;
    this.#device.queue.submit([encoder.finish()]);
  }

  #openPass(): GPUComputePassEncoder {
    if (this.#pass !== null) return this.#pass;
    this.#encoder ??= this.#device.createCommandEncoder();
    const timestampWrites = this.#clock?.writes();
    this.#pass = this.#encoder.beginComputePass(timestampWrites && { timestampWrites });
    return this.#pass;
  }

  #closePass(): void {
    this.#pass?.end();
    this.#pass = null;
  }

  #writeParams(): void {
    if (this.#count === 0) return;
    this.#device.queue.writeBuffer(this.#params, 0, this.#words, 0, (this.#count * PARAMS_STRIDE) / 4);
    this.#lastCount = this.#count;
    this.#count = 0;
  }

  #bindGroup(pipeline: Pipeline, buffers: readonly GPUBuffer[]): GPUBindGroup {
    return this.#group(pipeline.bindLayout, buffers, { buffer: this.#params, size: PARAMS_STRIDE });
  }

  /** The bind group of these buffers in this order: a walk through a tree of maps, so that no key is built on the hot path. */
  #group(
    layout: GPUBindGroupLayout,
    buffers: readonly GPUBuffer[],
    params: GPUBufferBinding | null,
  ): GPUBindGroup {
    let node = branch(this.#groups, layout);
    for (const buffer of buffers) node = branch(node, buffer);
    const known = node.get(layout);
    if (known instanceof GPUBindGroup) return known;
    const resources = [...(params === null ? [] : [params]), ...buffers.map((buffer) => ({ buffer }))];
    const entries = resources.map((resource, binding) => ({ binding, resource }));
    const made = this.#device.createBindGroup({ layout, entries });
    node.set(layout, made);
    return made;
  }
}

function branch(tree: GroupTree, key: GPUBuffer | GPUBindGroupLayout): GroupTree {
  const known = tree.get(key);
  if (known instanceof Map) return known;
  const made: GroupTree = new Map();
  tree.set(key, made);
  return made;
}

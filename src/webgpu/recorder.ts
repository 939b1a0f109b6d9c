import type { BufferPool } from './buffers.js';
import { WEIGHT_BINDING } from './kernels.js';
import { ParamMemory, type ParamSlot, ParamSlots, SLOT_BYTES } from './param-slots.js';
import type { PassClock } from './pass-clock.js';
import { PipelineCache, type PipelineSpec, pipelineName } from './pipelines.js';

export interface Dispatch {
  readonly spec: PipelineSpec;
  /** Bound after the parameters, in the kernel's order. */
  readonly buffers: readonly GPUBuffer[];
  /** Bound from `WEIGHT_BINDING` on, for kernels that read a weight. */
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

/** Bind groups by layout and by the buffers in them, in their order. */
type BindTree<Leaf> = Map<GPUBuffer | GPUBindGroupLayout, BindTree<Leaf> | Leaf>;

/** What dispatches share that bind the same buffers. */
interface Bound {
  /** Shared with those that read another weight, so that the parameters of all layers are sent as one. */
  readonly slots: ParamSlots;
  readonly groups: Map<ParamSlot, GPUBindGroup>;
  readonly bind: (slot: ParamSlot) => GPUBindGroup;
}

/** A dispatch whose pipeline and bind groups are found. */
interface Encoded {
  readonly pipeline: GPUComputePipeline;
  readonly bound: Bound;
  readonly params: Uint32Array;
  readonly grid: readonly [number, number, number];
  /** What was bound the last time: it is right again while nothing else was written to the slot, which is quicker to see than to find it. */
  last: BoundParams | null;
}

interface BoundParams {
  readonly slot: ParamSlot;
  readonly version: number;
  readonly group: GPUBindGroup;
}

/** What was added once and can be added again: dispatches, and copies between them. */
export type Recording = readonly (Encoded | readonly BufferCopy[])[];

/**
 * Collects the dispatches of a step into one compute pass, or several with copies between them, and submits once. Bind groups are made on first use and kept:
 * making one costs more than a dispatch. Parameters go to slots of uniform buffers, and only those that changed.
 */
export class Recorder {
  readonly pipelines: PipelineCache;
  readonly #device: GPUDevice;
  readonly #clock: PassClock | null;
  readonly #params: ParamMemory;
  readonly #slots: BindTree<ParamSlots> = new Map();
  readonly #bound: BindTree<Bound> = new Map();
  #collected: PipelineSpec[] | null = null;
  #recording: (Encoded | readonly BufferCopy[])[] | null = null;
  #encoder: GPUCommandEncoder | null = null;
  #pass: GPUComputePassEncoder | null = null;
  #count = 0;
  #lastCount = 0;

  constructor(device: GPUDevice, buffers: BufferPool, clock: PassClock | null = null) {
    this.#device = device;
    this.#clock = clock;
    this.pipelines = new PipelineCache(device);
    this.#params = new ParamMemory(device, buffers);
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

  /** Runs `work`. Returns what it added; null where its kernels were only made ready. */
  record(work: () => void): Recording | null {
    if (this.#collected !== null) {
      work();
      return null;
    }
    const recording: (Encoded | readonly BufferCopy[])[] = [];
    this.#recording = recording;
    try {
      work();
    } finally {
      this.#recording = null;
    }
    return recording;
  }

  /** Adds again what was recorded. */
  replay(recording: Recording): void {
    for (const item of recording) {
      if ('grid' in item) this.#dispatch(item);
      else this.copy(item);
    }
  }

  add(dispatch: Dispatch): void {
    if (this.#collected !== null) {
      this.#collected.push(dispatch.spec);
      return;
    }
    const encoded = this.#encode(dispatch);
    this.#recording?.push(encoded);
    this.#dispatch(encoded);
  }

  /** Copies buffers between what was added before and what is added next. */
  copy(copies: readonly BufferCopy[]): void {
    if (this.#collected !== null) return;
    this.#recording?.push(copies);
    this.#closePass();
    this.#encoder ??= this.#device.createCommandEncoder();
    for (const { from, to, bytes } of copies) this.#encoder.copyBufferToBuffer(from, 0, to, 0, bytes);
  }

  /** Sends what was added since the last submit, and behind it in the same submission what `finish` encodes. */
  submit(finish?: (encoder: GPUCommandEncoder) => void): void {
    if (this.#encoder === null && finish === undefined) return;
    this.#closePass();
    this.#params.upload();
    if (this.#count > 0) [this.#lastCount, this.#count] = [this.#count, 0];
    const encoder = this.#encoder ?? this.#device.createCommandEncoder();
    finish?.(encoder);
    this.#encoder = null;
    this.#device.queue.submit([encoder.finish()]);
  }

  #encode({ spec, buffers, weight, params, grid }: Dispatch): Encoded {
    const { pipeline, bindLayout } = this.pipelines.get(spec);
    const bound = leafOf(this.#bound, bindLayout, [...buffers, ...weight], () => ({
      slots: leafOf(this.#slots, bindLayout, buffers, () => new ParamSlots()),
      groups: new Map(),
      bind: (slot) => this.#bindGroup(bindLayout, slot, buffers, weight),
    }));
    return { pipeline, bound, params, grid, last: null };
  }

  #dispatch(dispatch: Encoded): void {
    const { pipeline, grid } = dispatch;
    const pass = this.#openPass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, this.#boundGroup(dispatch));
    pass.dispatchWorkgroups(grid[0], grid[1], grid[2]);
    this.#count++;
  }

  #boundGroup(dispatch: Encoded): GPUBindGroup {
    const { bound, params, last } = dispatch;
    if (last !== null && last.slot.version === last.version) {
      this.#params.use(last.slot);
      return last.group;
    }
    const slot = bound.slots.put(params, this.#params);
    const group = groupOf(bound, slot);
    dispatch.last = { slot, version: slot.version, group };
    return group;
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

  #bindGroup(
    layout: GPUBindGroupLayout,
    { buffer, offset }: ParamSlot,
    buffers: readonly GPUBuffer[],
    weight: readonly GPUBuffer[],
  ): GPUBindGroup {
    const entries = [
      { binding: 0, resource: { buffer, offset, size: SLOT_BYTES } },
      ...buffers.map((buffer, i) => ({ binding: 1 + i, resource: { buffer } })),
      ...weight.map((buffer, i) => ({ binding: WEIGHT_BINDING + i, resource: { buffer } })),
    ];
    return this.#device.createBindGroup({ layout, entries });
  }
}

/** The bind group with the parameters in that slot, made on first use. */
function groupOf({ groups, bind }: Bound, slot: ParamSlot): GPUBindGroup {
  const known = groups.get(slot);
  if (known !== undefined) return known;
  const made = bind(slot);
  groups.set(slot, made);
  return made;
}

/** What belongs to these buffers in this order: a walk through a tree of maps, so that no key is built on the hot path. */
function leafOf<Leaf extends object>(
  tree: BindTree<Leaf>,
  layout: GPUBindGroupLayout,
  buffers: readonly GPUBuffer[],
  make: () => Leaf,
): Leaf {
  let node = branch(tree, layout);
  for (const buffer of buffers) node = branch(node, buffer);
  const known = node.get(layout);
  if (known !== undefined && !(known instanceof Map)) return known;
  const made = make();
  node.set(layout, made);
  return made;
}

function branch<Leaf>(tree: BindTree<Leaf>, key: GPUBuffer | GPUBindGroupLayout): BindTree<Leaf> {
  const known = tree.get(key);
  if (known instanceof Map) return known;
  const made: BindTree<Leaf> = new Map();
  tree.set(key, made);
  return made;
}

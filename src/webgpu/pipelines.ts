import type { KvType } from '../ops/ops.js';
import { FLOAT_FORMATS } from '../quant/formats.js';
import { KERNELS, type KernelName, ROTATING_ATTENTION, WEIGHT_BINDING } from './kernels.js';
import {
  type Dot,
  type Lanes,
  loadShader,
  type MatrixSize,
  SHADER_DIR,
  type TileSize,
  type TypeAliases,
} from './shaders.js';

export interface PipelineSpec {
  readonly kernel: KernelName;
  /** Weight reader, for kernels that read a weight. */
  readonly weight: string | null;
  readonly types: TypeAliases;
  /** Values of the shader's `override`s: fixed for the model's life. */
  readonly constants: Readonly<Record<string, number>>;
  readonly lanes?: Lanes;
  readonly dot?: Dot;
  readonly half?: boolean;
  readonly matrix?: MatrixSize;
  readonly tile?: TileSize;
  readonly unroll?: Readonly<Record<string, number>>;
  /** The product is of each token with its experts, and binds one buffer more: their order. */
  readonly routing?: 'experts';
  /** Attention rotates heads itself, writes q and the caches, and binds two buffers more: the projections and the angles. */
  readonly heads?: 'projected';
  /** Type of the KV cache, for kernels that read or write one. */
  readonly kv?: KvType;
}

/** Of a kernel that reads no weight and has no variants. */
export function plainSpec(
  kernel: PipelineSpec['kernel'],
  types: PipelineSpec['types'],
  constants: PipelineSpec['constants'],
): PipelineSpec {
  return { kernel, weight: null, types, constants };
}

export interface Pipeline {
  readonly spec: PipelineSpec;
  readonly pipeline: GPUComputePipeline;
  readonly bindLayout: GPUBindGroupLayout;
}

/** Compiles each variant once. All are compiled at warm-up, together; one that is met later is compiled then, and counted. */
export class PipelineCache {
  readonly #device: GPUDevice;
  readonly #shaderDir: string;
  readonly #ready = new Map<string, Pipeline>();
  readonly #modules = new Map<string, GPUShaderModule>();

  constructor(device: GPUDevice, shaderDir = SHADER_DIR) {
    this.#device = device;
    this.#shaderDir = shaderDir;
  }

  get numCompiled(): number {
    return this.#ready.size;
  }

  /** The variants that are ready, in the order in which they became so. */
  get compiled(): readonly PipelineSpec[] {
    return [...this.#ready.values()].map(({ spec }) => spec);
  }

  get(spec: PipelineSpec): Pipeline {
    const key = pipelineName(spec);
    const known = this.#ready.get(key);
    if (known) return known;
    const { bindLayout, descriptor } = this.#describe(spec);
    const made = { spec, bindLayout, pipeline: this.#device.createComputePipeline(descriptor) };
    this.#ready.set(key, made);
    return made;
  }

  /** Compiles in parallel what is not there yet. Rejects with the variant, and the line of WGSL where there is a fault. */
  async compile(specs: Iterable<PipelineSpec>): Promise<void> {
    const wanted = new Map([...specs].map((spec) => [pipelineName(spec), spec]));
    await Promise.all([...wanted].map(([key, spec]) => this.#compileOne(key, spec)));
  }

  async #compileOne(key: string, spec: PipelineSpec): Promise<void> {
    if (this.#ready.has(key)) return;
    const { bindLayout, descriptor } = this.#describe(spec);
    const pipeline = await this.#device
      .createComputePipelineAsync(descriptor)
      .catch(async (error: unknown) => {
        throw new Error(`shader ${key}: ${await this.#faultOf(spec, error)}`);
      });
    this.#ready.set(key, { spec, bindLayout, pipeline });
  }

  #describe(spec: PipelineSpec): Pick<Pipeline, 'bindLayout'> & { descriptor: GPUComputePipelineDescriptor } {
    const bindLayout = this.#device.createBindGroupLayout({ entries: bindEntries(spec) });
    const layout = this.#device.createPipelineLayout({ bindGroupLayouts: [bindLayout] });
    const compute = { module: this.#module(spec), entryPoint: 'main', constants: { ...spec.constants } };
    return { bindLayout, descriptor: { label: pipelineName(spec), layout, compute } };
  }

  /** What the compiler says of the source, with the lines it means; what the pipeline says where the source is right. */
  async #faultOf(spec: PipelineSpec, error: unknown): Promise<string> {
    const lines = this.#source(spec).split('\n');
    const { messages } = await this.#module(spec).getCompilationInfo();
    const faults = messages
      .filter(({ type }) => type === 'error')
      .map(({ message, lineNum }) => `${message} in \`${(lines[lineNum - 1] ?? '').trim()}\``);
    return faults.join('; ') || (error instanceof Error ? error.message : String(error));
  }

  #source({ kernel: file, ...variant }: PipelineSpec): string {
    return loadShader({ file, ...variant }, this.#shaderDir);
  }

  #module(spec: PipelineSpec): GPUShaderModule {
    const code = this.#source(spec);
    const known = this.#modules.get(code);
    if (known) return known;
    const made = this.#device.createShaderModule({ label: `${spec.kernel} ${spec.weight ?? ''}`, code });
    this.#modules.set(code, made);
    return made;
  }
}

/** Bindings of a weight's part: codes alone for floats that have no scales. */
export function weightBindings(reader: string): number {
  return Object.hasOwn(FLOAT_FORMATS, reader) ? 1 : 3;
}

/** Names a variant: kernel, what is included, types and constants. */
export function pipelineName(spec: PipelineSpec): string {
  const slots = `${spec.weight ?? ''} ${spec.lanes ?? ''} ${spec.dot ?? ''} ${spec.half ? 'half' : ''} ${spec.kv ?? ''} ${spec.routing ?? ''} ${spec.heads ?? ''}`;
  return `${spec.kernel} ${slots} ${JSON.stringify([spec.matrix ?? null, spec.tile ?? null, spec.unroll ?? null, spec.types, spec.constants])}`;
}

function bindEntries({ kernel, routing, heads, weight }: PipelineSpec): GPUBindGroupLayoutEntry[] {
  const params: GPUBindGroupLayoutEntry = {
    binding: 0,
    visibility: GPUShaderStage.COMPUTE,
    buffer: { type: 'uniform' },
  };
  const own = heads === undefined ? KERNELS[kernel].bindings : ROTATING_ATTENTION;
  const bindings = [...own, ...(routing === undefined ? [] : (['read'] as const))];
  return [
    params,
    ...bindings.map((access, i) => storageEntry(i + 1, access)),
    ...(weight === null ? [] : weightEntries(weight)),
  ];
}

function weightEntries(reader: string): GPUBindGroupLayoutEntry[] {
  return Array.from({ length: weightBindings(reader) }, (_, i) => storageEntry(WEIGHT_BINDING + i, 'read'));
}

function storageEntry(binding: number, access: 'read' | 'write'): GPUBindGroupLayoutEntry {
  const type = access === 'read' ? 'read-only-storage' : 'storage';
  return { binding, visibility: GPUShaderStage.COMPUTE, buffer: { type } };
}

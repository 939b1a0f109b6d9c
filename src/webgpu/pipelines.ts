import { KERNELS, type KernelName } from './kernels.js';
import { loadShader, type TypeAliases } from './shaders.js';

export interface PipelineSpec {
  readonly kernel: KernelName;
  /** Weight reader, for kernels that read a weight. */
  readonly weight: string | null;
  readonly types: TypeAliases;
  /** Values of the shader's `override`s: fixed for the model's life. */
  readonly constants: Readonly<Record<string, number>>;
}

export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly bindLayout: GPUBindGroupLayout;
  readonly weightLayout: GPUBindGroupLayout | null;
}

/** Compiles each variant once. All are compiled at warm-up, together; one that is met later is compiled then, and counted. */
export class PipelineCache {
  readonly #device: GPUDevice;
  readonly #ready = new Map<string, Pipeline>();
  readonly #modules = new Map<string, GPUShaderModule>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  get numCompiled(): number {
    return this.#ready.size;
  }

  get(spec: PipelineSpec): Pipeline {
    const key = specKey(spec);
    const known = this.#ready.get(key);
    if (known) return known;
    const { layouts, descriptor } = this.#describe(spec);
    const made = { ...layouts, pipeline: this.#device.createComputePipeline(descriptor) };
    this.#ready.set(key, made);
    return made;
  }

  /** Compiles in parallel what is not there yet. Rejects with the shader's error. */
  async compile(specs: Iterable<PipelineSpec>): Promise<void> {
    const wanted = new Map([...specs].map((spec) => [specKey(spec), spec]));
    await Promise.all([...wanted].map(([key, spec]) => this.#compileOne(key, spec)));
  }

  async #compileOne(key: string, spec: PipelineSpec): Promise<void> {
    if (this.#ready.has(key)) return;
    const { layouts, descriptor } = this.#describe(spec);
    const pipeline = await this.#device.createComputePipelineAsync(descriptor).catch((error: unknown) => {
      throw new Error(`shader ${key}: ${error instanceof Error ? error.message : String(error)}`);
    });
    this.#ready.set(key, { ...layouts, pipeline });
  }

  #describe(spec: PipelineSpec): {
    layouts: Omit<Pipeline, 'pipeline'>;
    descriptor: GPUComputePipelineDescriptor;
  } {
    const bindLayout = this.#device.createBindGroupLayout({ entries: bindEntries(spec.kernel) });
    const weightLayout =
      spec.weight === null
        ? null
        : this.#device.createBindGroupLayout({ entries: weightEntries(spec.weight) });
    const layout = this.#device.createPipelineLayout({
      bindGroupLayouts: weightLayout === null ? [bindLayout] : [bindLayout, weightLayout],
    });
    const compute = { module: this.#module(spec), entryPoint: 'main', constants: { ...spec.constants } };
    return { layouts: { bindLayout, weightLayout }, descriptor: { label: specKey(spec), layout, compute } };
  }

  #module(spec: PipelineSpec): GPUShaderModule {
    const code = loadShader({ file: spec.kernel, weight: spec.weight, types: spec.types });
    const known = this.#modules.get(code);
    if (known) return known;
    const made = this.#device.createShaderModule({ label: `${spec.kernel} ${spec.weight ?? ''}`, code });
    this.#modules.set(code, made);
    return made;
  }
}

/** Bindings of a weight's part: codes alone for float readers. */
export function weightBindings(reader: string): number {
  return reader.startsWith('int') ? 3 : 1;
}

function specKey(spec: PipelineSpec): string {
  return `${spec.kernel} ${spec.weight ?? ''} ${JSON.stringify(spec.types)} ${JSON.stringify(spec.constants)}`;
}

function bindEntries(kernel: KernelName): GPUBindGroupLayoutEntry[] {
  const params: GPUBindGroupLayoutEntry = {
    binding: 0,
    visibility: GPUShaderStage.COMPUTE,
    buffer: { type: 'uniform', hasDynamicOffset: true },
  };
  return [params, ...KERNELS[kernel].bindings.map((access, i) => storageEntry(i + 1, access))];
}

function weightEntries(reader: string): GPUBindGroupLayoutEntry[] {
  return Array.from({ length: weightBindings(reader) }, (_, i) => storageEntry(i, 'read'));
}

function storageEntry(binding: number, access: 'read' | 'write'): GPUBindGroupLayoutEntry {
  const type = access === 'read' ? 'read-only-storage' : 'storage';
  return { binding, visibility: GPUShaderStage.COMPUTE, buffer: { type } };
}

import { create, globals } from 'webgpu';
import { UserError } from '../errors.js';

/** How Dawn checks what it is given: not at all in production, everything in tests, and on `null` without any GPU. */
export type GpuMode = 'production' | 'validating' | 'null';

export interface AdapterSummary {
  readonly name: string;
  readonly vendor: string;
  /** `vulkan`, `metal`, `d3d12`, `null`, or `cpu` for the reference. */
  readonly backend: string;
  readonly driver: string;
  /** A software adapter runs on the CPU: right, but slow. */
  readonly software: boolean;
  readonly f16: boolean;
  readonly subgroups: boolean;
}

/** Features that the kernels use where the adapter has them; each has a fallback. */
export const WANTED_FEATURES = [
  'shader-f16',
  'subgroups',
  'subgroup-size-control',
  'timestamp-query',
  'chromium-experimental-subgroup-matrix',
] as const;

export type WantedFeature = (typeof WANTED_FEATURES)[number];

/** Dawn keeps f16 off on NVIDIA's Vulkan unless asked; experimental features and exact timestamps need `allow_unsafe_apis`. */
const ENABLED = ['allow_unsafe_apis', 'vulkan_enable_f16_on_nvidia', 'use_vulkan_memory_model'];
const UNCHECKED = [
  'disable_robustness',
  'disable_workgroup_init',
  'disable_polyfills_on_integer_div_and_mod',
  'skip_validation',
];

const OPTIONS = {
  production: [
    `enable-dawn-features=${[...ENABLED, ...UNCHECKED].join(',')}`,
    'disable-dawn-features=timestamp_quantization,enable_spirv_validation',
  ],
  validating: [`enable-dawn-features=${ENABLED.join(',')}`, 'disable-dawn-features=timestamp_quantization'],
  null: [`enable-dawn-features=${ENABLED.join(',')}`, 'backend=null'],
} as const satisfies Record<GpuMode, readonly string[]>;

const PLATFORM_BACKENDS: Readonly<Record<string, string>> = {
  linux: 'vulkan',
  darwin: 'metal',
  win32: 'd3d12',
};

/** Loads Dawn, and puts WebGPU's constants (`GPUBufferUsage` and so on) on the global object, where its types expect them. */
export function openGpu(mode: GpuMode = 'production', more: readonly string[] = []): GPU {
  Object.assign(globalThis, globals);
  const gpu = create([...OPTIONS[mode], ...more]);
  // Dawn frees an instance with its JavaScript object, and the process dies when a buffer is collected after it. A timer that
  // is never awaited holds it for the life of the process.
  setInterval(() => gpu, 2 ** 31 - 1).unref();
  return gpu;
}

/** What Dawn calls the adapters of this machine, as `backend: name`. */
export async function listAdapters(): Promise<readonly string[]> {
  try {
    // Dawn has no call for this, but names them all when it is asked for one that does not exist.
    await create(['adapter=?']).requestAdapter();
    return [];
  } catch (error) {
    const lines = String(error).matchAll(/backend: '([^']*)', name: '([^']*)'/g);
    return [...lines].map(([, backend, name]) => `${backend}: ${name}`);
  }
}

/**
 * The fastest adapter of this machine, or the one that `device` names. Throws UserError where there is none.
 * @param device `webgpu` is the fastest; else a part of a name, in any case, or an index, as `listAdapters` has them
 */
export async function requestAdapter(gpu: GPU, device = 'webgpu'): Promise<GPUAdapter> {
  if (device !== 'webgpu') return requestNamed(device);
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null) {
    throw new UserError(
      'No WebGPU adapter on this machine. `npm run setup` installs software Vulkan; `halflight doctor` says what is missing.',
    );
  }
  return keepAlive(adapter, gpu);
}

async function requestNamed(device: string): Promise<GPUAdapter> {
  const name = chooseAdapter(device, await listAdapters());
  const gpu = openGpu('production', [`adapter=${name}`]);
  const adapter = await gpu.requestAdapter();
  if (adapter === null) throw new UserError(`--device: ${name} gives no adapter`);
  return keepAlive(adapter, gpu);
}

/**
 * The name, for Dawn, of the adapter that `device` means. Dawn tells adapters apart by name alone, so of two alike it can only take the first.
 * @param all as `backend: name`
 */
export function chooseAdapter(device: string, all: readonly string[]): string {
  const names = all.map((one) => one.slice(one.indexOf(': ') + 2));
  const isMeant = (name: string, i: number) =>
    /^\d+$/.test(device) ? i === Number(device) : name.toLowerCase().includes(device.toLowerCase());
  const index = names.findIndex(isMeant);
  const [name] = names.slice(index, index + 1);
  const list = all.map((one, i) => `${i} ${one}`).join(', ') || 'no adapter';
  if (index < 0 || name === undefined) throw new UserError(`--device: ${device} is none of: ${list}`);
  if (names.indexOf(name) < index) {
    throw new UserError(
      `--device: ${device} has the name of another, ${name}, and cannot be told apart; let each process see one GPU, as a container does`,
    );
  }
  return name;
}

/**
 * A device with the adapter's own limits and those of `features` that it has.
 * @param features fewer than all of them makes the kernels take their fallbacks
 */
export async function openDevice(
  adapter: GPUAdapter,
  features: readonly WantedFeature[] = WANTED_FEATURES,
): Promise<GPUDevice> {
  const device = await adapter.requestDevice({
    // @webgpu/types does not know Dawn's experimental features.
    requiredFeatures: features.filter((name) => adapter.features.has(name)) as GPUFeatureName[],
    requiredLimits: adapterLimits(adapter),
  });
  // Dawn leaves the sizes of subgroup matrices out of the device's own copy.
  Object.defineProperty(device, 'adapterInfo', { value: adapter.info });
  return keepAlive(device, adapter);
}

/** Every limit of the adapter by name; bytes where it is a size. */
export function adapterLimits(adapter: GPUAdapter): Record<string, number> {
  const limits: Record<string, number> = {};
  // The values are getters of the prototype, which spreading would miss.
  for (const name in adapter.limits) limits[name] = Number(adapter.limits[name as keyof GPUSupportedLimits]);
  return limits;
}

export function summarizeAdapter(adapter: GPUAdapter): AdapterSummary {
  const { vendor, device, description } = adapter.info;
  const isNull = device === 'null-backend';
  return {
    name: device.replace(/-+$/, '') || description,
    vendor,
    backend: isNull ? 'null' : (PLATFORM_BACKENDS[process.platform] ?? 'unknown'),
    driver: description,
    software: isSoftware(adapter.info),
    f16: adapter.features.has('shader-f16'),
    subgroups: adapter.features.has('subgroups'),
  };
}

/** True for Mesa's lavapipe (llvmpipe), SwiftShader and Windows' WARP. */
export function isSoftware(
  info: Pick<GPUAdapterInfo, 'vendor' | 'architecture' | 'device' | 'description' | 'isFallbackAdapter'>,
): boolean {
  const names = `${info.vendor} ${info.architecture} ${info.device} ${info.description}`;
  return info.isFallbackAdapter || /llvmpipe|lavapipe|swiftshader|basic render/i.test(names);
}

/** Dawn frees the instance with its JavaScript object and crashes when a device is used after that, so each holds what made it. */
function keepAlive<T extends object>(owner: T, owned: object): T {
  return Object.defineProperty(owner, 'createdBy', { value: owned });
}

import { UserError } from '../errors.js';
import { CpuOps } from '../ops/cpu.js';
import type { Ops } from '../ops/ops.js';
import {
  type AdapterSummary,
  openDevice,
  openGpu,
  requestAdapter,
  summarizeAdapter,
} from '../webgpu/adapter.js';
import { type Autotune, autotuneOf } from '../webgpu/autotune.js';
import { type DeviceMemory, hostFreeBytes, readDeviceMemory } from '../webgpu/device-memory.js';
import { WebGpuOps } from '../webgpu/ops.js';
import type { EngineOptions } from './options.js';

/** A device to run on. */
export interface Backend<B> {
  readonly ops: Ops<B>;
  readonly adapter: AdapterSummary;
  /** Bytes that one buffer can be read through. */
  readonly maxBindingBytes: number;
  /** null where nothing tells. */
  readonly memory: DeviceMemory | null;
  /** Of the host, for weights that stay there. */
  readonly hostFreeBytes: number;
  /** Resolves with the reason when the device is lost or reports an error; never on `destroy`. */
  readonly lost: Promise<Error>;
  /** Whether it is what others are held against. */
  readonly isReference: boolean;
  /** null where there is no choice of kernels. */
  readonly autotune: Autotune<B> | null;
}

/** The reference: f64 on the CPU, far too slow to serve with, for checking the GPU's answers. */
export function cpuBackend(): Backend<Float64Array> {
  const adapter = {
    name: 'CPU reference',
    vendor: 'halflight',
    backend: 'cpu',
    driver: 'f64',
    software: true,
    f16: false,
    subgroups: false,
  };
  return {
    ops: new CpuOps(),
    adapter,
    maxBindingBytes: 2 ** 32,
    memory: null,
    hostFreeBytes: Number.POSITIVE_INFINITY,
    lost: new Promise(() => {}),
    isReference: true,
    autotune: null,
  };
}

type WebGpuOptions = Pick<EngineOptions, 'computeType' | 'batchInvariant'> &
  Partial<Pick<EngineOptions, 'device' | 'requireGpu'>>;

/** Throws UserError for a software adapter: a fallback to the CPU that reports ready is the worst outcome. */
export function checkHardware({ name, software }: Pick<AdapterSummary, 'name' | 'software'>): void {
  if (!software) return;
  throw new UserError(
    `--require-gpu: ${name} is no GPU but a software adapter on the CPU; \`halflight doctor\` says what is missing; HALFLIGHT_REQUIRE_GPU=0 allows it`,
  );
}

/** The GPU. Throws UserError where there is none, or where it lacks what `computeType` asks for. */
export async function webgpuBackend({
  computeType,
  batchInvariant,
  device: wanted = 'webgpu',
  requireGpu = false,
}: WebGpuOptions): Promise<Backend<GPUBuffer>> {
  const gpu = openGpu();
  const gpuAdapter = await requestAdapter(gpu, wanted);
  const adapter = summarizeAdapter(gpuAdapter);
  if (requireGpu) checkHardware(adapter);
  const type = chooseType(computeType, adapter);
  const device = await openDevice(gpuAdapter);
  const packedDot = gpu.wgslLanguageFeatures.has('packed_4x8_integer_dot_product');
  const ops = new WebGpuOps(device, type, { batchInvariant, packedDot });
  return {
    ops,
    adapter,
    maxBindingBytes: device.limits.maxStorageBufferBindingSize,
    memory: await readDeviceMemory(adapter),
    hostFreeBytes: hostFreeBytes(),
    lost: lossOf(device),
    isReference: false,
    autotune: autotuneOf(ops, adapter),
  };
}

/**
 * Opens the device that the options name, and hands it on, as the type of its buffers is known here alone. It is destroyed where `use` rejects:
 * whoever asked may go on with another model, and needs the memory. Rejects with UserError as `webgpuBackend`, and with what `use` does.
 */
export async function withBackend<T>(
  options: WebGpuOptions,
  use: <B>(backend: Backend<B>) => Promise<T>,
): Promise<T> {
  if (options.device !== 'cpu') return orDestroyed(await webgpuBackend(options), use);
  if (options.requireGpu) checkHardware({ name: 'cpu', software: true });
  return orDestroyed(cpuBackend(), use);
}

async function orDestroyed<B, T>(backend: Backend<B>, use: (backend: Backend<B>) => Promise<T>): Promise<T> {
  try {
    return await use(backend);
  } catch (error) {
    backend.ops.destroy();
    throw error;
  }
}

/** `auto` takes f16 where the hardware has it. A software adapter emulates f16: slower than f32, and no smaller where it matters. */
export function chooseType(
  computeType: EngineOptions['computeType'],
  adapter: Pick<AdapterSummary, 'name' | 'f16' | 'software'>,
): 'f32' | 'f16' {
  if (computeType === 'float16' && !adapter.f16) {
    throw new UserError(`${adapter.name} has no f16 arithmetic (shader-f16): use --dtype float32 or auto`);
  }
  if (computeType === 'auto') return adapter.f16 && !adapter.software ? 'f16' : 'f32';
  return computeType === 'float16' ? 'f16' : 'f32';
}

/** A fault is silent in WebGPU: work submitted to a lost device just never happens, so the engine must be told. */
export function lossOf(device: Pick<GPUDevice, 'addEventListener' | 'lost'>): Promise<Error> {
  return new Promise((resolve) => {
    device.addEventListener('uncapturederror', (event) =>
      resolve(new Error(`GPU error: ${event.error.message}`)),
    );
    void device.lost.then(({ reason, message }) => {
      if (reason !== 'destroyed') resolve(new Error(`GPU device lost: ${message}`));
    });
  });
}

import type { Tensor } from '#halflight/ops/ops.js';
import {
  openDevice,
  openGpu,
  requestAdapter,
  WANTED_FEATURES,
  type WantedFeature,
} from '#halflight/webgpu/adapter.js';
import { WebGpuOps, type WebGpuOptions } from '#halflight/webgpu/ops.js';

/**
 * Opens a device with Dawn's checks on. Without an adapter it rejects with the command that mends it: a test that needs one fails,
 * it is not skipped. Any validation error ends the process.
 */
export async function testDevice(features: readonly WantedFeature[] = WANTED_FEATURES): Promise<GPUDevice> {
  const device = await openDevice(await requestAdapter(openGpu('validating')), features);
  device.addEventListener('uncapturederror', (event) => {
    throw new Error(event.error.message);
  });
  return device;
}

/** A device of Dawn's null backend: everything is validated and WGSL is compiled, but no kernel runs. */
export async function nullDevice(): Promise<GPUDevice> {
  return openDevice(await requestAdapter(openGpu('null')));
}

/** Operations on that device. What it reads back is whatever lay in memory, so zeros stand for it. */
export async function nullOps(computeType: 'f32' | 'f16', options: WebGpuOptions = {}): Promise<WebGpuOps> {
  return new NullOps(await nullDevice(), computeType, options);
}

class NullOps extends WebGpuOps {
  override async read(tensor: Tensor<GPUBuffer>, rows: number): Promise<Float32Array<ArrayBuffer>> {
    return (await super.read(tensor, rows)).fill(0);
  }
}

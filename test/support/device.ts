import {
  openDevice,
  openGpu,
  requestAdapter,
  WANTED_FEATURES,
  type WantedFeature,
} from '#halflight/webgpu/adapter.js';
import { WebGpuOps } from '#halflight/webgpu/ops.js';

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

/** Operations on that device. */
export async function nullOps(computeType: 'f32' | 'f16'): Promise<WebGpuOps> {
  return new WebGpuOps(await nullDevice(), computeType);
}

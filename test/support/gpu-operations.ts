import t from 'tap';
import { isSoftware } from '#halflight/webgpu/adapter.js';
import { WebGpuOps } from '#halflight/webgpu/ops.js';
import { operationCases } from './cases.js';
import { compareWithReference, type Tolerance } from './compare.js';
import { testDevice } from './device.js';
import { HALF_OPERAND_TOLERANCE, OPERATION_TOLERANCES } from './tolerances.js';

/**
 * Runs every operation on the GPU and on the reference. A file for each compute type: the first compilation of all kernels takes a software adapter a
 * minute or two, and several where other programs hold the cores.
 * @param formats of weights; each costs some compilations
 */
export async function testOperations(computeType: 'f32' | 'f16', formats: readonly string[]): Promise<void> {
  t.setTimeout(280_000);
  const device = await testDevice();
  t.teardown(() => device.destroy());
  await t.test(`every operation on the GPU gives what the reference gives, in ${computeType}`, async (t) => {
    t.setTimeout(280_000);
    const ops = new WebGpuOps(device, computeType);
    const rounds = computeType === 'f16' && !isSoftware(device.adapterInfo);
    for (const [name, run] of operationCases(formats)) {
      const tolerance = rounds ? toleranceOnHardware(name) : OPERATION_TOLERANCES[computeType];
      t.equal(await compareWithReference(ops, run, tolerance), null, name);
    }
  });
}

/** A GPU's kernels for products of f16 round weights, or activations that a norm made. */
function toleranceOnHardware(name: string): Tolerance {
  return /^(linear|experts) /.test(name) ? HALF_OPERAND_TOLERANCE : OPERATION_TOLERANCES.f16;
}

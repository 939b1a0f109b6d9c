import t from 'tap';
import { isSoftware } from '#halflight/webgpu/adapter.js';
import { WebGpuOps } from '#halflight/webgpu/ops.js';
import { operationCases } from '../support/cases.js';
import { compareWithReference, type Tolerance } from '../support/compare.js';
import { testDevice } from '../support/device.js';
import { HALF_OPERAND_TOLERANCE, OPERATION_TOLERANCES } from '../support/tolerances.js';
import { WEIGHT_FORMATS } from '../support/weights.js';

/** Each pair of a compute type and a way to read a weight costs some compilations, and a reader does not know the compute type. */
const FORMATS: Readonly<Record<'f32' | 'f16', readonly string[]>> = {
  f32: Object.keys(WEIGHT_FORMATS),
  f16: ['bf16', 'int4-g32'],
};

// The first compilation of all kernels takes a software adapter a minute or more.
t.setTimeout(280_000);
const device = await testDevice();
t.teardown(() => device.destroy());

for (const computeType of ['f32', 'f16'] as const) {
  t.test(`every operation on the GPU gives what the reference gives, in ${computeType}`, async (t) => {
    t.setTimeout(280_000);
    const ops = new WebGpuOps(device, computeType);
    for (const [name, run] of operationCases(FORMATS[computeType])) {
      t.equal(await compareWithReference(ops, run, toleranceOf(name, computeType)), null, name);
    }
  });
}

/** A GPU's kernels for products of f16 round weights, or activations that a norm made. */
function toleranceOf(name: string, computeType: 'f32' | 'f16'): Tolerance {
  const rounds = computeType === 'f16' && !isSoftware(device.adapterInfo) && /^(linear|experts) /.test(name);
  return rounds ? HALF_OPERAND_TOLERANCE : OPERATION_TOLERANCES[computeType];
}

import t from 'tap';
import { operationCases } from '../support/cases.js';
import { compareWithReference, type Tolerance } from '../support/compare.js';
import { testDevice } from '../support/device.js';
import { WebGpuOps } from '#halflight/webgpu/ops.js';

/**
 * f32: sums of up to 288 products of size ≤ 50, kept in f32 (2⁻²⁴ relative), in another order than the reference's, so about 1e-4.
 * f16: inputs are exact in f16 and sums are f32; the result, and what passes through the cache, is rounded to f16 once (2⁻¹¹ relative);
 * twice where a rotated q meets a rotated k.
 */
const TOLERANCES: Readonly<Record<'f32' | 'f16', Tolerance>> = {
  f32: { absolute: 1e-4, relative: 1e-5 },
  f16: { absolute: 2e-3, relative: 1e-3 },
};

for (const computeType of ['f32', 'f16'] as const) {
  t.test(`every operation on the GPU gives what the reference gives, in ${computeType}`, async (t) => {
    const ops = new WebGpuOps(await testDevice(), computeType);
    for (const [name, run] of operationCases()) {
      t.equal(await compareWithReference(ops, run, TOLERANCES[computeType]), null, name);
    }
    ops.destroy();
  });
}

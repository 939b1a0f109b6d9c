import t, { type Test } from 'tap';
import { WebGpuOps } from '#halflight/webgpu/ops.js';
import { type Tuning, tuningFor } from '#halflight/webgpu/tuning.js';
import { gemmCases } from '../support/cases.js';
import { compareWithReference, type Tolerance } from '../support/compare.js';
import { testDevice } from '../support/device.js';
import { HALF_OPERAND_TOLERANCE, OPERATION_TOLERANCES } from '../support/tolerances.js';

t.setTimeout(280_000);
const device = await testDevice();
t.teardown(() => device.destroy());

/** One format for each reader, and one with zero points. */
const FORMATS = ['f32', 'f16', 'bf16', 'int8', 'int4-g32', 'int4-g32-asym'];

async function holdsWith(t: Test, ops: WebGpuOps, formats: readonly string[], tolerance: Tolerance) {
  for (const [name, run] of formats.flatMap((format) => gemmCases(format))) {
    t.equal(await compareWithReference(ops, run, tolerance), null, name);
  }
  t.strictSame(new Set(ops.pipelines.map(({ kernel }) => kernel)), new Set(['linear_gemm', 'linear_merge']));
}

function gemmOps(computeType: 'f32' | 'f16', tuning: Partial<Tuning>): WebGpuOps {
  return new WebGpuOps(device, computeType, {
    gemmTokens: 1,
    matrixTokens: 1,
    gemmWorkgroups: 64,
    ...tuning,
  });
}

t.test('tiles in registers are right in f32 with every way to read a weight', async (t) => {
  t.setTimeout(280_000);
  await holdsWith(t, gemmOps('f32', {}), FORMATS, OPERATION_TOLERANCES.f32);
});

t.test('tiles in registers are right in f16', { skip: lacking('shader-f16') }, async (t) => {
  t.setTimeout(280_000);
  await holdsWith(t, gemmOps('f16', { subgroupMatrix: null }), ['bf16', 'int4-g32'], HALF_OPERAND_TOLERANCE);
});

t.test(
  'tiles of subgroup matrices are right, with zero points and without',
  { skip: noMatrix() },
  async (t) => {
    t.setTimeout(280_000);
    await holdsWith(t, gemmOps('f16', {}), ['bf16', 'int4-g32-asym'], HALF_OPERAND_TOLERANCE);
  },
);

function lacking(feature: string): string | false {
  return device.features.has(feature) ? false : `this adapter has no ${feature}`;
}

function noMatrix(): string | false {
  return (
    tuningFor(device).subgroupMatrix === null && 'this adapter has no subgroup matrix of f16 with sums in f32'
  );
}

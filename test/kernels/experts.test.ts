import t, { type Test } from 'tap';
import { WebGpuOps } from '#halflight/webgpu/ops.js';
import type { Tuning } from '#halflight/webgpu/tuning.js';
import type { Cases } from '../support/cases.js';
import { expertCases } from '../support/cases-experts.js';
import { compareWithReference } from '../support/compare.js';
import { testDevice } from '../support/device.js';
import { OPERATION_TOLERANCES } from '../support/tolerances.js';
import { GPU_TUNING as HARDWARE } from '../support/tuning.js';

// `webgpu/ops.test.ts` has the kernels that a software adapter takes by default, with every way to read a weight.
t.setTimeout(280_000);
const device = await testDevice();
t.teardown(() => device.destroy());

/** Runs the cases in f32. Returns the kernels of the products of experts. */
async function holdsWith(t: Test, tuning: Partial<Tuning>, cases: Cases): Promise<Set<string>> {
  const ops = new WebGpuOps(device, 'f32', tuning);
  for (const [name, run] of cases) {
    t.equal(await compareWithReference(ops, run, OPERATION_TOLERANCES.f32), null, name);
  }
  const products = ops.pipelines.filter(({ routing }) => routing === 'experts');
  return new Set(products.map(({ kernel, lanes }) => `${kernel} ${lanes}`));
}

t.test('few routes of an expert are multiplied one by one, and many in tiles, as on a GPU', async (t) => {
  t.setTimeout(280_000);
  const tuning = { ...HARDWARE, maxRowTokens: 3, gemmTokens: null };
  const floats = await holdsWith(t, tuning, expertCases('int4-g32'));
  t.strictSame(floats, new Set(['linear_row workgroup', 'linear_tile workgroup']));
  const codes = await holdsWith(t, tuning, expertCases('int4-g32', 'int8'));
  t.strictSame(codes, new Set(['linear_row_int8 workgroup', 'linear_tile_int8 workgroup']));
});

t.test('very many routes of an expert go through shared memory', async (t) => {
  t.setTimeout(280_000);
  const used = await holdsWith(t, { ...HARDWARE, maxRowTokens: 0, gemmTokens: 1 }, expertCases('bf16'));
  t.strictSame(used, new Set(['linear_gemm workgroup']));
});

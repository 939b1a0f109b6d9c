import t, { type Test } from 'tap';
import { WebGpuOps } from '#halflight/webgpu/ops.js';
import type { Tuning } from '#halflight/webgpu/tuning.js';
import { type Cases, int8LinearCases, laneCases, linearCases, normCases } from '../support/cases.js';
import { attentionCases } from '../support/cases-batch.js';
import { compareWithReference } from '../support/compare.js';
import { testDevice } from '../support/device.js';
import { HALF_OPERAND_TOLERANCE, OPERATION_TOLERANCES } from '../support/tolerances.js';
import { GPU_TUNING as HARDWARE } from '../support/tuning.js';

// The first compilation of all kernels takes a software adapter a minute or more.
t.setTimeout(280_000);
const device = await testDevice();
t.teardown(() => device.destroy());

/** A float and an integer format: `webgpu/ops.test.ts` has them all, and no reader knows the kernel that it serves. */
const READERS = ['bf16', 'int4-g32'];

/** Heads below and above the width of a workgroup, without a window and with one. Each shape and type costs three compilations. */
const ATTENTION = attentionCases().filter(([name]) =>
  /"headDim":(40|128)} window (null|5 over f32)/.test(name),
);

/** Runs the cases in f32. Returns the kernels that they took, with their way to add up lanes. */
async function holdsWith(t: Test, tuning: Partial<Tuning>, cases: Cases): Promise<Set<string>> {
  const ops = new WebGpuOps(device, 'f32', tuning);
  for (const [name, run] of cases) {
    t.equal(await compareWithReference(ops, run, OPERATION_TOLERANCES.f32), null, name);
  }
  return new Set(ops.pipelines.map(({ kernel, lanes }) => `${kernel} ${lanes ?? ''}`.trim()));
}

t.test('lanes that share K add up through shared memory', async (t) => {
  t.setTimeout(280_000);
  const cases = READERS.flatMap((format) => linearCases(format, HARDWARE.maxRowTokens));
  t.strictSame(await holdsWith(t, HARDWARE, cases), new Set(['linear_row workgroup']));
});

t.test('lanes that share K add up through the subgroup', async (t) => {
  t.setTimeout(280_000);
  const { subgroupMinSize = 0, subgroupMaxSize } = device.adapterInfo;
  if (subgroupMinSize !== subgroupMaxSize) {
    t.comment('subgroups vary in size here, so this sum is never chosen');
    return;
  }
  const tuning = { maxRowTokens: 100, rowLanes: subgroupMinSize, subgroupSize: subgroupMinSize };
  t.strictSame(await holdsWith(t, tuning, linearCases('int4-g32')), new Set(['linear_row subgroup']));
});

t.test('codes meet f16 activations two at a time', { skip: noHalves() }, async (t) => {
  t.setTimeout(280_000);
  const tuning = { ...HARDWARE, maxRowTokens: 100, gemmTokens: null };
  const ops = new WebGpuOps(device, 'f16', tuning);
  // Sums of eight products in f16 err by no more than weights that are rounded to it.
  for (const [name, run] of ['int4-g32', 'int4-g32-asym', 'int8'].flatMap((format) => linearCases(format))) {
    t.equal(await compareWithReference(ops, run, HALF_OPERAND_TOLERANCE), null, name);
  }
  t.ok(ops.pipelines.every(({ kernel, half }) => kernel === 'linear_row' && half));
});

function noHalves(): string | false {
  return device.features.has('shader-f16') ? false : 'this adapter has no shader-f16';
}

t.test('activations go round the subgroup, with every size of tile', async (t) => {
  t.setTimeout(280_000);
  const { subgroupMinSize = 0, subgroupMaxSize } = device.adapterInfo;
  if (subgroupMinSize !== subgroupMaxSize || subgroupMinSize < 8) {
    t.comment('subgroups vary in size here or are too small, so this kernel is never chosen');
    return;
  }
  const lanes = { tileLanes: subgroupMinSize, subgroupSize: subgroupMinSize, sharesActivations: true };
  const cases = READERS.flatMap((format) => linearCases(format));
  const tuning = { ...lanes, maxRowTokens: 0, tileTokens: [1, 4, 8] };
  t.strictSame(await holdsWith(t, tuning, cases), new Set(['linear_tile subgroup']));
});

t.test('INT8 activations are multiplied in every tiling, by packed products and without', async (t) => {
  t.setTimeout(280_000);
  const cases = ['int8', 'int4-g32-asym'].flatMap((format) => int8LinearCases(format));
  const used = await holdsWith(t, { ...HARDWARE, packedDot: false }, cases);
  const int4 = int8LinearCases('int4-g32-asym');
  const few = await holdsWith(t, HARDWARE, int8LinearCases('int4-g32', HARDWARE.maxRowTokens));
  await holdsWith(t, { ...HARDWARE, pairedDot: true }, int4);
  t.strictSame(used, new Set(['quantize_rows', 'linear_row_int8 workgroup', 'linear_tile_int8 workgroup']));
  t.strictSame(few, new Set(['quantize_rows', 'linear_row_int8 workgroup']));
});

t.test('tiles of another width serve one token and many', async (t) => {
  t.setTimeout(280_000);
  const tuning = { ...HARDWARE, maxRowTokens: 0 };
  t.strictSame(await holdsWith(t, tuning, linearCases('int4-g32')), new Set(['linear_tile workgroup']));
});

t.test('norms, the KV cache and attention are right in workgroups of another width', async (t) => {
  t.setTimeout(280_000);
  const used = await holdsWith(t, HARDWARE, [...normCases(), ...ATTENTION]);
  t.strictSame(used, new Set(['rms_norm', 'rope_cache', 'attention workgroup', 'attention_merge']));
});

// Fewer and more than the 8 of software adapters and the 32 of GPUs.
for (const lanes of [4, 64]) {
  t.test(`products, norms and attention are right in workgroups of ${lanes} lanes`, async (t) => {
    t.setTimeout(280_000);
    const widths = { normLanes: lanes, headLanes: lanes, attentionLanes: lanes, quantizeLanes: lanes };
    const tuning = { ...HARDWARE, ...widths, rowLanes: lanes, tileLanes: lanes, attentionTokens: 2 };
    const used = await holdsWith(t, tuning, laneCases());
    t.ok(['rms_norm', 'rope_cache', 'attention workgroup'].every((kernel) => used.has(kernel)));
    t.ok(['linear_row', 'linear_tile', 'linear_row_int8'].every((name) => used.has(`${name} workgroup`)));
  });
}

t.test('attention is right where lanes share through the subgroup, but each loads for itself', async (t) => {
  t.setTimeout(280_000);
  const { subgroupMinSize = 0, subgroupMaxSize } = device.adapterInfo;
  if (subgroupMinSize !== subgroupMaxSize || subgroupMinSize < 8) {
    t.comment('subgroups vary in size here or are too small, so this kernel is never chosen');
    return;
  }
  const lanes = { attentionLanes: subgroupMinSize, subgroupSize: subgroupMinSize };
  // What lanes share does not depend on how the cache is read.
  const cases = ATTENTION.filter(([name]) => name.includes('over f32'));
  const used = await holdsWith(t, { ...lanes, sharesActivations: false }, cases);
  t.strictSame(used, new Set(['rope_cache', 'attention subgroup']));
});

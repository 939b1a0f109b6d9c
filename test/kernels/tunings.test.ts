import t, { type Test } from 'tap';
import { WebGpuOps } from '#halflight/webgpu/ops.js';
import type { Tuning } from '#halflight/webgpu/tuning.js';
import {
  type Cases,
  fusedCase,
  int8LinearCases,
  laneCases,
  linearCases,
  normCases,
  reducingCases,
} from '../support/cases.js';
import { attentionCases } from '../support/cases-batch.js';
import { compareWithReference } from '../support/compare.js';
import { testDevice } from '../support/device.js';
import { HALF_SUM_TOLERANCE, OPERATION_TOLERANCES } from '../support/tolerances.js';
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

/** Runs the cases. Returns the kernels that they took, with their way to add up lanes. */
async function holdsWith(
  t: Test,
  tuning: Partial<Tuning>,
  cases: Cases,
  computeType: 'f32' | 'f16' = 'f32',
): Promise<Set<string>> {
  const ops = new WebGpuOps(device, computeType, tuning);
  for (const [name, run] of cases) {
    t.equal(await compareWithReference(ops, run, OPERATION_TOLERANCES[computeType]), null, name);
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
  for (const [name, run] of ['int4-g32', 'int4-g32-asym', 'int8'].flatMap((format) => linearCases(format))) {
    t.equal(await compareWithReference(ops, run, HALF_SUM_TOLERANCE), null, name);
  }
  t.ok(ops.pipelines.every(({ kernel, half }) => kernel === 'linear_row' && half));
});

/** Codes that meet f16 two at a time, and weights of 16 bits. */
const STAGED = ['int4-g32', 'int4-g32-asym', 'int8', 'bf16', 'f16'];

t.test('activations in f16 go through shared memory to pairs of outputs', { skip: noHalves() }, async (t) => {
  t.setTimeout(280_000);
  const { subgroupMinSize: subgroupSize = 0, subgroupMaxSize } = device.adapterInfo;
  if (subgroupSize !== subgroupMaxSize) {
    t.comment('subgroups vary in size here, so this kernel is never chosen');
    return;
  }
  const few = { ...HARDWARE, maxRowTokens: 100, gemmTokens: null, subgroupSize };
  // More lanes than a short row has blocks, too.
  for (const [pairs, each, formats] of [
    [3, 2, STAGED],
    [1, 8, ['int4-g32']],
  ] as const) {
    const stagedTiles = [{ rowBytes: 10_000, pairs, lanes: each * subgroupSize }];
    const ops = new WebGpuOps(device, 'f16', { ...few, stagedTiles });
    for (const [name, run] of formats.flatMap((format) => linearCases(format))) {
      t.equal(await compareWithReference(ops, run, HALF_SUM_TOLERANCE), null, name);
    }
    t.ok(ops.pipelines.every(({ kernel }) => kernel === 'linear_staged'));
  }
});

t.test('activations are normalised on their way into shared memory', { skip: noHalves() }, async (t) => {
  t.setTimeout(280_000);
  const { subgroupMinSize: subgroupSize = 0, subgroupMaxSize } = device.adapterInfo;
  if (subgroupSize !== subgroupMaxSize) {
    t.comment('subgroups vary in size here, so this kernel is never chosen');
    return;
  }
  const stagedNorms = [{ rowBytes: 1000, pairs: 2, lanes: 2 * subgroupSize }];
  const own = { stagedNorms, maxStagedNormTokens: 3, subgroupSize };
  const few = { ...HARDWARE, ...own, maxRowTokens: 100, gemmTokens: null };
  const ops = new WebGpuOps(device, 'f16', few);
  // One turn of all lanes, and several. Gates multiply two sums of the tolerance, so they are few.
  for (const [shape, gates] of [
    [[3, 38, 96], false],
    [[3, 38, 96], true],
    [[1, 12, 640], false],
  ] as const) {
    const run = fusedCase('int4-g32', shape, true, gates);
    t.equal(await compareWithReference(ops, run, HALF_SUM_TOLERANCE), null, `${shape} ${gates}`);
  }
  t.ok(ops.pipelines.every(({ kernel, constants }) => kernel === 'linear_staged' && constants.NORM === 1));
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
  t.strictSame(used, new Set(['rms_norm_vectors', 'rope_cache', 'attention workgroup', 'attention_merge']));
});

t.test('norms that are held in registers are rounded to f16', { skip: noHalves() }, async (t) => {
  const cases = normCases();
  t.strictSame(await holdsWith(t, HARDWARE, cases, 'f16'), new Set(['rms_norm_vectors']));
});

t.test('norms, rotation and sampling add up within subgroups, and then those', async (t) => {
  t.setTimeout(280_000);
  const { subgroupMinSize = 0, subgroupMaxSize } = device.adapterInfo;
  if (subgroupMinSize !== subgroupMaxSize) {
    t.comment('subgroups vary in size here, so this sum is never chosen');
    return;
  }
  const subgroups = { subgroupSums: true, subgroupSize: subgroupMinSize };
  const kernels = ['layer_norm', 'logprobs', 'rms_norm', 'rms_norm_vectors', 'rope_cache', 'sample'];
  // One subgroup, and more than a subgroup has lanes.
  for (const lanes of [1, 16].map((count) => count * subgroupMinSize)) {
    const tuning = { ...subgroups, normLanes: lanes, headLanes: lanes, sampleLanes: lanes, normVectors: 3 };
    const used = await holdsWith(t, tuning, reducingCases());
    const inSubgroups = kernels.filter((kernel) => used.has(`${kernel} subgroups`));
    // The longest row, of 1030 columns, is read twice where three vectors a lane do not hold it.
    t.strictSame(
      inSubgroups,
      kernels.filter((kernel) => kernel !== 'rms_norm' || 12 * lanes < 1030),
    );
    t.notOk(
      kernels.some((kernel) => used.has(kernel)),
      'none of them otherwise',
    );
  }
});

// Fewer and more than the 8 of software adapters and the 32 of GPUs.
for (const lanes of [4, 64]) {
  t.test(`products, norms and attention are right in workgroups of ${lanes} lanes`, async (t) => {
    t.setTimeout(280_000);
    const widths = { normLanes: lanes, headLanes: lanes, attentionLanes: lanes, quantizeLanes: lanes };
    const tuning = { ...HARDWARE, ...widths, rowLanes: lanes, tileLanes: lanes, attentionTokens: 2 };
    const used = await holdsWith(t, tuning, laneCases());
    t.ok(['rms_norm_vectors', 'rope_cache', 'attention workgroup'].every((kernel) => used.has(kernel)));
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
  const lanes = { attentionLanes: subgroupMinSize, subgroupSize: subgroupMinSize, single: null };
  // What lanes share does not depend on how the cache is read.
  const cases = ATTENTION.filter(([name]) => name.includes('over f32'));
  const used = await holdsWith(t, { ...lanes, sharesActivations: false, attentionWorkgroups: 0 }, cases);
  t.strictSame(used, new Set(['rope_cache', 'attention subgroup']));
});

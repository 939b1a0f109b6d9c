import t, { type Test } from 'tap';
import { isSoftware } from '#halflight/webgpu/adapter.js';
import { WebGpuOps } from '#halflight/webgpu/ops.js';
import { type MatrixTile, type Tuning, tuningFor } from '#halflight/webgpu/tuning.js';
import type { Cases } from '../support/cases.js';
import { expertCases } from '../support/cases-experts.js';
import { gatedGemmCases, gemmCases, tinyScaleCase } from '../support/cases-gemm.js';
import { compareWithReference, type Tolerance } from '../support/compare.js';
import { testDevice } from '../support/device.js';
import { HALF_OPERAND_TOLERANCE, OPERATION_TOLERANCES } from '../support/tolerances.js';

t.setTimeout(280_000);
const device = await testDevice();
t.teardown(() => device.destroy());

/** One format for each reader, and one with zero points. */
const FORMATS = ['f32', 'f16', 'bf16', 'int8', 'int4-g32', 'int4-g32-asym'];

const { m, n } = tuningFor(device).subgroupMatrix ?? { m: 8, n: 8 };

/** A tile that compiles soon where each product of two matrices is written out. */
const SMALL_TILE: MatrixTile = {
  tokens: 2 * m,
  outputs: 2 * n,
  part: { tokens: m, outputs: 2 * n, stepBlocks: 1, sets: 2 },
};

/** One row of subgroups and two, steps of one, two and four blocks, one set of tiles and two. */
const TILES: readonly MatrixTile[] = [
  { tokens: m, outputs: 4 * n, part: { tokens: m, outputs: 2 * n, stepBlocks: 4, sets: 2 } },
  { tokens: 2 * m, outputs: 2 * n, part: { tokens: 2 * m, outputs: n, stepBlocks: 1, sets: 1 } },
  {
    tokens: 4 * m,
    outputs: 4 * n,
    part: { tokens: 2 * m, outputs: 2 * n, stepBlocks: 2, sets: 1 },
  },
];

async function holdsWith(
  t: Test,
  ops: WebGpuOps,
  cases: Cases,
  tolerance: Tolerance,
  kernels = ['linear_gemm', 'linear_merge'],
) {
  for (const [name, run] of cases) {
    t.equal(await compareWithReference(ops, run, tolerance), null, name);
  }
  t.strictSame(new Set(ops.pipelines.map(({ kernel }) => kernel)), new Set(kernels));
}

function gemmOps(computeType: 'f32' | 'f16', tuning: Partial<Tuning>): WebGpuOps {
  return new WebGpuOps(device, computeType, {
    gemmTokens: 1,
    matrixTokens: 1,
    gemmWorkgroups: 64,
    ...tuning,
  });
}

function casesOf(formats: readonly string[]): Cases {
  return formats.flatMap((format) => gemmCases(format));
}

t.test('tiles in registers are right in f32 with every way to read a weight', async (t) => {
  t.setTimeout(280_000);
  await holdsWith(t, gemmOps('f32', {}), casesOf(FORMATS), OPERATION_TOLERANCES.f32);
});

t.test('tiles in registers gate on the way, and so does what adds up their sums', async (t) => {
  t.setTimeout(280_000);
  await holdsWith(t, gemmOps('f32', {}), gatedGemmCases('int4-g32'), OPERATION_TOLERANCES.f32);
});

t.test('tiles in registers are right in f16', { skip: lacking('shader-f16') }, async (t) => {
  t.setTimeout(280_000);
  const ops = gemmOps('f16', { subgroupMatrix: null });
  await holdsWith(t, ops, casesOf(['bf16', 'int4-g32']), HALF_OPERAND_TOLERANCE);
});

/** Of each reader that decodes to f16 at once, with zero points and without, with scales in f32 (int8), and of one that decodes to f32. */
const MATRIX_FORMATS = ['f16', 'bf16', 'int8', 'int8-g128', 'int4-g32', 'int4-g32-asym', 'int3-g32'];

t.test(
  'tiles of subgroup matrices are right with every way to decode a weight',
  { skip: noMatrix() },
  async (t) => {
    t.setTimeout(280_000);
    const ops = gemmOps('f16', { matrixTiles: [SMALL_TILE] });
    await holdsWith(t, ops, casesOf(MATRIX_FORMATS), HALF_OPERAND_TOLERANCE);
  },
);

t.test('tiles of subgroup matrices are right however they are cut', { skip: noMatrix() }, async (t) => {
  t.setTimeout(280_000);
  const ops = gemmOps('f16', { matrixTiles: TILES });
  await holdsWith(t, ops, casesOf(['int4-g32-asym']), HALF_OPERAND_TOLERANCE);
});

t.test("an adapter's own tiles are right, gated and not", { skip: noMatrix() || software() }, async (t) => {
  t.setTimeout(280_000);
  const tolerance = HALF_OPERAND_TOLERANCE;
  for (const format of ['int4-g32-asym', 'int8', 'bf16']) {
    const ops = gemmOps('f16', {});
    await holdsWith(t, ops, [...gemmCases(format), ...gatedGemmCases(format)], tolerance);
  }
});

t.test('tiles of subgroup matrices gate on the way', { skip: noMatrix() }, async (t) => {
  t.setTimeout(280_000);
  const ops = gemmOps('f16', { matrixTiles: [SMALL_TILE] });
  await holdsWith(t, ops, gatedGemmCases('int4-g32'), HALF_OPERAND_TOLERANCE);
});

t.test('tiles of subgroup matrices take the routes of experts, gated', { skip: noMatrix() }, async (t) => {
  t.setTimeout(280_000);
  const ops = gemmOps('f16', { matrixTiles: [SMALL_TILE] });
  const kernels = ['route', 'group_routes', 'linear_gemm'];
  await holdsWith(t, ops, expertCases('int4-g32'), HALF_OPERAND_TOLERANCE, kernels);
});

t.test('codes keep all their bits beside the least scales of f16', { skip: noMatrix() }, async (t) => {
  t.setTimeout(280_000);
  const ops = gemmOps('f16', { matrixTiles: [SMALL_TILE] });
  const cases = ['int4-g32', 'int8-g128'].map(tinyScaleCase);
  // A product of a code and a multiple of 2⁻²⁴ is one too, and so exact as long as it is below 2⁻¹³.
  await holdsWith(t, ops, cases, OPERATION_TOLERANCES.f16, ['linear_gemm']);
});

function lacking(feature: string): string | false {
  return device.features.has(feature) ? false : `this adapter has no ${feature}`;
}

function software(): string | false {
  return isSoftware(device.adapterInfo) && 'a software adapter takes minutes to compile them';
}

function noMatrix(): string | false {
  return (
    tuningFor(device).subgroupMatrix === null && 'this adapter has no subgroup matrix of f16 with sums in f32'
  );
}

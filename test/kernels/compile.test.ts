import { appendFileSync, cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { matrixProbe, PROBES } from '#halflight/bench/probes.js';
import { READERS } from '#halflight/quant/formats.js';
import { KERNELS, type KernelName } from '#halflight/webgpu/kernels.js';
import { WebGpuOps } from '#halflight/webgpu/ops.js';
import { PipelineCache, type PipelineSpec } from '#halflight/webgpu/pipelines.js';
import { loadShader, SHADER_DIR } from '#halflight/webgpu/shaders.js';
import type { Tuning } from '#halflight/webgpu/tuning.js';
import { operationCases, otherExpertCases, otherFormatCases, otherRoundingCases } from '../support/cases.js';
import { gatedGemmCases, gemmCases } from '../support/cases-gemm.js';
import { nullDevice } from '../support/device.js';
import { Random } from '../support/random.js';
import { sampleCase } from '../support/sample-case.js';

t.setTimeout(280_000);
const device = await nullDevice();
t.teardown(() => device.destroy());

/** With one row of subgroups and with two, and with one set of tiles and with two, in as much shared memory as every adapter has. */
const SMALL_TILES: Tuning['matrixTiles'] = [
  { tokens: 16, outputs: 64, part: { tokens: 16, outputs: 16, stepBlocks: 1, sets: 2 } },
  { tokens: 64, outputs: 32, part: { tokens: 32, outputs: 16, stepBlocks: 2, sets: 1 } },
];
const MATRIX = { m: 16, n: 16, k: 16, maxLanes: 64 };

/**
 * Without subgroups and packed products, and with subgroups of every size that GPUs have. Every way to cut a matrix product; a subgroup of the
 * null backend has up to 128 lanes.
 */
const TUNINGS: readonly Partial<Tuning>[] = [
  {
    normVectors: 1,
    maxRowTokens: 2,
    gemmTokens: 9,
    gemmWorkgroups: 64,
    subgroupMatrix: null,
    subgroupSize: null,
    stagedTiles: [],
    packedDot: false,
  },
  ...[16, 4, 8, 32, 64].map((size) => ({
    // Of one size tiles of `attention` take single tokens too.
    ...(size === 8 ? { single: null } : {}),
    normVectors: 1,
    subgroupSums: true,
    maxRowTokens: 2,
    panelTokens: 5,
    gemmTokens: 9,
    matrixTokens: 9,
    gemmWorkgroups: 64,
    matrixTiles: SMALL_TILES,
    halfDot: true,
    subgroupMatrix: MATRIX,
    rowLanes: size,
    tileLanes: size,
    attentionLanes: size,
    subgroupSize: size,
    stagedTiles: [{ rowBytes: 10_000, pairs: 2, lanes: size }],
    sharesActivations: true,
    sharesQueries: true,
    pairedDot: true,
  })),
];

/** Kernels that all cases together need, with every weight format, and those that measure the adapter. */
async function compileAll(
  computeType: 'f32' | 'f16',
  tuning: Partial<Tuning>,
): Promise<readonly PipelineSpec[]> {
  const ops = new WebGpuOps(device, computeType, tuning);
  await ops.prepare(() => {
    for (const [, run] of [
      ...operationCases(),
      ...gemmCases('bf16'),
      ...gatedGemmCases('int4-g32'),
      ...otherFormatCases(),
      ...otherExpertCases(),
      ...otherRoundingCases(),
    ])
      run(ops, new Random(1));
    sampleCase(ops);
  });
  const probes = new PipelineCache(device);
  await probes.compile([...Object.values(PROBES), matrixProbe({ ...MATRIX, maxLanes: 128 })]);
  return [...ops.pipelines, ...probes.compiled];
}

for (const computeType of ['f32', 'f16'] as const) {
  // The size of a subgroup and the type of the activations do not depend on each other.
  for (const tuning of computeType === 'f32' ? TUNINGS : TUNINGS.slice(0, 2)) {
    t.test(
      `every kernel compiles with every way to read a weight and to keep K and V, ${computeType} ${JSON.stringify(tuning)}`,
      async (t) => {
        const compiled = await compileAll(computeType, tuning);
        const pairs = new Set(compiled.map(({ kernel, weight }) => `${kernel} ${weight}`));
        t.strictSame([...pairs].sort(), expectedPairs(computeType, tuning).sort());
        t.strictSame(kvPairs(compiled), expectedKvPairs(tuning));
        t.strictSame(expertPairs(compiled), pairsOf(EXPERT_KERNELS).sort());
        t.ok(compiled.some(({ types }) => Object.values(types).includes(computeType)));
      },
    );
  }
}

function takesSingles({ subgroupSize, single }: Partial<Tuning>): boolean {
  return subgroupSize !== null && single !== null;
}

/** A type with scales is rotated before attention. */
function expectedKvPairs(tuning: Partial<Tuning>): string[] {
  const singles = takesSingles(tuning) ? 'attention_single' : 'attention';
  const kernels = new Set(['attention', singles, `${singles} split`, 'rope_cache']);
  return [
    ...[...kernels].flatMap((kernel) => ['f16', 'f32', 'int4', 'int8'].map((type) => `${kernel} ${type}`)),
    ...[`${singles} projected`, `${singles} projected split`].flatMap((kernel) =>
      ['f16', 'f32'].map((type) => `${kernel} ${type}`),
    ),
  ].sort();
}

function kvPairs(compiled: readonly PipelineSpec[]): string[] {
  const pairs = compiled.flatMap(({ kernel, kv, heads, constants }) =>
    kv === undefined
      ? []
      : [[kernel, heads, constants.SPLIT === 1 ? 'split' : undefined, kv].filter(Boolean).join(' ')],
  );
  return [...new Set(pairs)].sort();
}

/** Of weights that meet activations in shared memory, one token's at a time. */
const STAGED_READERS = ['int4', 'int8', 'bf16', 'f16'];

/** INT8 activations meet integers alone. */
function readersOf(kernel: KernelName): string[] {
  if (kernel === 'linear_staged') return STAGED_READERS;
  const readers = Object.keys(READERS);
  return kernel.endsWith('_int8') ? readers.filter((reader) => reader.startsWith('int')) : readers;
}

/** Products of tokens with their experts, of which no lane holds many of one expert. */
const EXPERT_KERNELS = (Object.keys(KERNELS) as KernelName[]).filter(
  (kernel) =>
    kernel.startsWith('linear_') && !['linear_panel', 'linear_merge', 'linear_staged'].includes(kernel),
);

function expertPairs(compiled: readonly PipelineSpec[]): string[] {
  const products = compiled.filter(({ routing }) => routing === 'experts');
  return [...new Set(products.map(({ kernel, weight }) => `${kernel} ${weight}`))].sort();
}

/** A panel is handed round by subgroups of 8 or 16 lanes; activations are staged in f16. */
function expectedPairs(computeType: 'f32' | 'f16', tuning: Partial<Tuning>): string[] {
  const { subgroupSize } = tuning;
  const missing = new Set<KernelName>();
  if (subgroupSize !== 8 && subgroupSize !== 16) missing.add('linear_panel');
  if (!takesSingles(tuning)) missing.add('attention_single');
  if (computeType === 'f32' || subgroupSize === null) missing.add('linear_staged');
  return pairsOf((Object.keys(KERNELS) as KernelName[]).filter((name) => !missing.has(name)));
}

function pairsOf(kernels: readonly KernelName[]): string[] {
  return kernels.flatMap((kernel) => {
    const weights = KERNELS[kernel].weight ? readersOf(kernel) : [null];
    return weights.map((weight) => `${kernel} ${weight}`);
  });
}

t.test('a fault in any shader file makes some kernel fail to compile', async (t) => {
  t.setTimeout(280_000);
  const all = [...(await compileAll('f32', TUNINGS[0])), ...(await compileAll('f16', TUNINGS[1]))];
  const dir = t.testdir();
  cpSync(SHADER_DIR, dir, { recursive: true });
  const files = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.wgsl'),
  );
  for (const file of files) appendFileSync(join(dir, file), `\n// end of ${file}\n`);
  const sources = all.map((spec) => [spec, loadShader({ ...spec, file: spec.kernel }, dir)] as const);
  for (const file of files) {
    const source = readFileSync(join(dir, file), 'utf8');
    writeFileSync(join(dir, file), `${source}\nfn planted() -> u32 { return 1.5; }\n`);
    const specs = sources.filter(([, text]) => text.includes(`// end of ${file}\n`)).slice(0, 1);
    device.pushErrorScope('validation');
    const compiled = new PipelineCache(device, dir).compile(specs.map(([spec]) => spec));
    await t.rejects(compiled, { message: /fn planted/ }, file);
    await device.popErrorScope();
    writeFileSync(join(dir, file), source);
  }
});

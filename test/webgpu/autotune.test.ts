import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { codeWords } from '#halflight/ops/int8.js';
import { autotuneOf, groupProducts, type LinearProduct } from '#halflight/webgpu/autotune.js';
import { candidatesFor, measuredTokens } from '#halflight/webgpu/candidates.js';
import { WebGpuOps } from '#halflight/webgpu/ops.js';
import { TOKEN_BUCKETS } from '#halflight/webgpu/tilings.js';
import { type Tuning, tuningFor } from '#halflight/webgpu/tuning.js';
import { filled } from '../support/compare.js';
import { testDevice } from '../support/device.js';
import { Random } from '../support/random.js';
import { GPU_TUNING, tuningOf } from '../support/tuning.js';
import { randomWeight } from '../support/weights.js';

// Each candidate takes a software adapter up to a second to compile.
t.setTimeout(200_000);
const device = await testDevice();
t.teardown(() => device.destroy());

const ADAPTER = {
  name: 'test',
  vendor: '',
  backend: '',
  driver: '1',
  software: true,
  f16: false,
  subgroups: false,
};
/** Few candidates of few tokens, so that little is compiled. */
const SMALL: Partial<Tuning> = {
  tileLanes: 8,
  tileTokens: [1],
  maxRowTokens: 0,
  autotune: {
    candidates: [['linear_tile', 16, 1]],
    manyTokens: 9,
    targetMs: 0.1,
    warmUpMs: 0,
    budgetMs: 10_000,
  },
};

function product(ops: WebGpuOps, rows: number, outputs: number, inputs = 96): LinearProduct<GPUBuffer> {
  const random = new Random(3);
  const weight = ops.weight([randomWeight(random, 'int4-g32', outputs, inputs)]);
  const x = filled(ops, random, rows, inputs);
  return { x, weight, bias: null, out: ops.tensor(rows, outputs, 'f32', 'activations') };
}

/** A start: tunes two equal products and another one, of up to 4 tokens. */
async function start(cacheDir: string, tuning = SMALL) {
  const ops = new WebGpuOps(device, 'f32', tuning);
  const products = [product(ops, 4, 37), product(ops, 4, 70), product(ops, 4, 37)];
  const progress: number[][] = [];
  const report = await autotuneOf(ops, ADAPTER)(products, cacheDir, (...step) => progress.push(step));
  return { ops, report, progress };
}

t.test('the first start measures each shape once and keeps it, the next reads it', async (t) => {
  const dir = t.testdir();
  const first = await start(dir);
  t.match(first.report, { numProducts: 2, numMeasured: 2, timeWasUp: false, warnings: [] });
  t.ok(first.ops.numPipelines > 0);
  t.same(first.progress.at(0), [0, 2], 'only single tokens have a choice here');
  t.same(readdirSync(dir), [first.report.path.slice(dir.length + 1)]);

  const second = await start(dir);
  t.match(second.report, { numProducts: 2, numMeasured: 0, warnings: [], path: first.report.path });
  t.equal(second.ops.numPipelines, 0, 'nothing was run');
  t.same(second.progress, []);
});

t.test('what the file chooses is what runs', async (t) => {
  const dir = t.testdir();
  const { report } = await start(dir);
  const choices = [['linear_tile', 16, 1], null, null, null];
  const products = { 'int4 37x96 f32': choices, 'int4 70x96 f32': choices };
  writeFileSync(report.path, JSON.stringify({ products }));
  const { ops } = await start(dir);
  t.equal(ops.tilings.for('int4 37x96 f32', 1).constants.LANES, 16);
  t.equal(ops.tilings.for('int4 37x96 f32', 2).constants.LANES, 8);
});

t.test('a model with other shapes adds them to the file', async (t) => {
  const dir = t.testdir();
  const { report } = await start(dir);
  const ops = new WebGpuOps(device, 'f32', SMALL);
  const tune = (products: readonly LinearProduct<GPUBuffer>[]) =>
    autotuneOf(ops, ADAPTER)(products, dir, () => undefined);
  t.match(await tune([product(ops, 4, 37), product(ops, 4, 5)]), { numMeasured: 1, path: report.path });
  t.match(await tune([product(ops, 4, 37), product(ops, 4, 70), product(ops, 4, 5)]), { numMeasured: 0 });
});

t.test('a broken file is ignored with a warning, and replaced', async (t) => {
  const dir = t.testdir();
  const { report } = await start(dir);
  writeFileSync(report.path, '{"products":');
  const again = await start(dir);
  t.match(again.report, { numMeasured: 2, warnings: [/^.*tuning-.*\.json: cannot be used: .*JSON/] });
  t.match((await start(dir)).report, { numMeasured: 0, warnings: [] });
});

t.test('a place that cannot be written to is a warning', async (t) => {
  const dir = join(t.testdir({ file: '' }), 'file');
  const { report } = await start(dir);
  t.match(report, { numMeasured: 2, warnings: [/cannot be used: /, /cannot be written: /] });
});

t.test('without time nothing is measured, and the next start does not try again', async (t) => {
  const dir = t.testdir();
  const { report, ops } = await start(dir, {
    ...SMALL,
    autotune: {
      candidates: [['linear_tile', 16, 1]],
      manyTokens: 9,
      targetMs: 0.1,
      warmUpMs: 0,
      budgetMs: 0,
    },
  });
  t.match(report, { numMeasured: 2, timeWasUp: true });
  t.equal(ops.tilings.for('int4 37x96 f32', 1).constants.LANES, 8);
});

t.test('parts of a weight are products of their own', async (t) => {
  const ops = new WebGpuOps(device, 'f32');
  const random = new Random(1);
  const parts = [randomWeight(random, 'int8', 40, 96), randomWeight(random, 'int4-g32', 8, 96)];
  const split = { ...product(ops, 4, 48), weight: ops.weight(parts) };
  const codes = ops.tensor(4, codeWords(96), 'u32', 'activations');
  t.same(
    groupProducts(ops.tilings, [split, split, { ...split, codes }]).map(({ key, uses }) => [
      key,
      uses.length,
    ]),
    [
      ['int8 40x96 f32', 2],
      ['int4 8x96 f32', 2],
      ['int8 40x96 int8', 1],
      ['int4 8x96 int8', 1],
    ],
  );
});

const { subgroupSize } = tuningFor(device);
const software = { ...tuningOf({ device: 'llvmpipe' }), subgroupSize };
/** Some tiles with one number of lanes, and one with more: each costs a compilation, and a lane sums by itself. */
const { candidates } = GPU_TUNING.autotune;
const narrow = candidates.filter(([, lanes, tokens]) => (lanes === 32 ? tokens !== 2 : tokens === 1));
const invariant = {
  ...GPU_TUNING,
  batchInvariant: true,
  autotune: { ...GPU_TUNING.autotune, candidates: narrow },
};

for (const [name, tuning, int8] of [
  ['on a software adapter', software, false],
  ['on a software adapter with INT8 activations', software, true],
  ['of a GPU with --batch-invariant', invariant, false],
] as const) {
  t.test(`no candidate ${name} changes a byte`, async (t) => {
    const ops = new WebGpuOps(device, 'f32', tuning);
    const { x, weight, out, bias } = product(ops, 16, 67, 160);
    const codes = int8 ? ops.tensor(16, codeWords(160), 'u32', 'activations') : null;
    const key = ops.tilings.keyOf(weight.parts[0], int8 ? 'int8' : 'float');
    const run = async (rows: number) => {
      ops.write(out, new Float32Array(16 * 67));
      ops.linear({ x, weight, bias, out, rows, accumulate: false, codes });
      return new Uint32Array((await ops.read(out, rows)).buffer);
    };
    const expected = await run(16);
    for (const [i, bucket] of TOKEN_BUCKETS.entries()) {
      const rows = Math.min(16, measuredTokens(bucket, codes ? 'u32' : 'f32', ops.tilings.tuning));
      for (const choice of candidatesFor(bucket, codes ? 'u32' : 'f32', ops.tilings.tuning)) {
        ops.tilings.set(
          key,
          TOKEN_BUCKETS.map((_, at) => (at === i ? choice : null)),
        );
        t.same(await run(rows), expected.subarray(0, rows * 67), `${JSON.stringify(choice)}, ${rows} tokens`);
      }
    }
  });
}

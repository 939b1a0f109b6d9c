import t from 'tap';
import { linearDispatches, linearFusion } from '#halflight/webgpu/linear-dispatches.js';
import { WebGpuOps } from '#halflight/webgpu/ops.js';
import { Tilings } from '#halflight/webgpu/tilings.js';
import { batchInvariant } from '#halflight/webgpu/tuning.js';
import { fusedCase } from '../support/cases.js';
import { compareWithReference } from '../support/compare.js';
import { nullOps, testDevice } from '../support/device.js';
import { Random } from '../support/random.js';
import { OPERATION_TOLERANCES } from '../support/tolerances.js';
import { GPU_TUNING as GPU } from '../support/tuning.js';
import { randomWeight } from '../support/weights.js';

t.setTimeout(280_000);
const ops = await nullOps('f32');
t.teardown(() => ops.destroy());

const NOTHING = ops.tensor(1, 1, 'f32', 'activations').data;
const SCRATCH = { nothing: NOTHING, sums: NOTHING };
const random = new Random(1);

function product(formats: readonly string[], inputs: number, rows = 1) {
  const weight = ops.weight(formats.map((format) => randomWeight(random, format, 8, inputs)));
  const x = ops.tensor(64, inputs, 'f32', 'activations');
  const out = ops.tensor(64, weight.rows, 'f32', 'activations');
  return { x, weight, bias: null, out, rows, accumulate: false };
}

t.test('norms are computed on the way for few tokens, and for none where all must be alike', (t) => {
  const few = { ...GPU, maxFusedNormTokens: 3 };
  t.ok(linearFusion(product(['int4-g32'], 64, 3), few).norm);
  t.notOk(linearFusion(product(['int4-g32'], 64, 4), few).norm);
  t.notOk(linearFusion(product(['int4-g32'], 64, 3), batchInvariant(few)).norm);
  t.notOk(linearFusion(product(['int4-g32'], 64), GPU).norm, 'for none on a GPU');
  t.end();
});

t.test('a software adapter normalises on the way for any number of tokens', (t) => {
  const software = { ...GPU, maxFusedNormTokens: Number.POSITIVE_INFINITY, gemmTokens: null };
  for (const tuning of [software, batchInvariant(software)])
    t.ok(linearFusion(product(['int4-g32'], 64, 64), tuning).norm);
  t.end();
});

t.test('activations in INT8, and rows that end amid a block, are normalised before', (t) => {
  const codes = ops.tensor(64, 64, 'u32', 'activations');
  t.notOk(linearFusion({ ...product(['int4-g32'], 64), codes }, GPU).norm);
  t.notOk(linearFusion(product(['int4-g32'], 40), GPU).norm);
  t.end();
});

t.test('gates are computed on the way unless the weight lies in parts', (t) => {
  t.ok(linearFusion(product(['int4-g32'], 64), GPU).gates);
  t.notOk(linearFusion(product(['int4-g32', 'bf16'], 64), GPU).gates);
  const plain = product(['int4-g32'], 64);
  t.notOk(linearFusion({ ...plain, gated: plain.out }, GPU).gates, 'activated without gates');
  t.end();
});

t.test('experts are gated on the way where each part holds whole ones', (t) => {
  const routing = ops.routing({ maxTokens: 64, numExperts: 4, topK: 2 });
  const gates = (sizes: readonly number[], rows: number) => {
    const weight = ops.weight(sizes.map((size, i) => randomWeight(random, i ? 'bf16' : 'f16', size, 64)));
    const [out, gated] = [4, 8].map((cols) => ops.tensor(128, cols, 'f32', 'activations'));
    const experts = { routing, of: 'tokens' } as const;
    return linearFusion({ ...product(['f16'], 64, rows), weight, out, gated, experts }, GPU).gates;
  };
  t.ok(gates([32], 1));
  t.ok(gates([8, 24], 1));
  t.notOk(gates([12, 20], 1));
  t.ok(gates([32], 64), 'through linear_gemm too');
  t.end();
});

t.test('activations are rounded once for parts that unpack alike', (t) => {
  const codes = ops.tensor(64, 64, 'u32', 'activations');
  const kernels = (formats: readonly string[]) =>
    linearDispatches({ ...product(formats, 64), codes }, new Tilings(GPU, 'f32'), SCRATCH).map(
      ({ spec }) => spec.kernel,
    );
  t.strictSame(kernels(['int4-g32', 'int4-g32']), ['quantize_rows', 'linear_row_int8', 'linear_row_int8']);
  t.equal(kernels(['int4-g32', 'int8']).filter((kernel) => kernel === 'quantize_rows').length, 2);
  t.end();
});

t.test('columns are put in order once for parts of one order, and never rounded', (t) => {
  const { weight, ...rest } = product(['int4-g32', 'int4-g32', 'int8', 'bf16'], 64);
  const [first, second] = [
    ops.tensor(1, 64, 'u32', 'weights').data,
    ops.tensor(1, 64, 'u32', 'weights').data,
  ];
  const orders = [{ columns: first }, { columns: first }, { columns: second }, {}];
  const parts = weight.parts.map((part, i) => ({ ...part, ...orders[i] }));
  const args = { ...rest, weight: { ...weight, parts }, ordered: ops.tensor(64, 64, 'f32', 'activations') };
  const dispatches = linearDispatches(args, new Tilings(GPU, 'f32'), SCRATCH);
  t.strictSame(
    dispatches.map(({ spec }) => spec.kernel === 'order_columns'),
    [true, false, false, true, false, false],
  );
  t.notOk(linearFusion(args, GPU).norm);
  const codes = ops.tensor(64, 64, 'u32', 'activations');
  for (const wrong of [{ ordered: null }, { codes }]) {
    t.throws(() => linearDispatches({ ...args, ...wrong }, new Tilings(GPU, 'f32'), SCRATCH), RangeError);
  }
  t.end();
});

t.test('what cannot be done on the way is done apart, with the same result', async (t) => {
  const device = await testDevice();
  const real = new WebGpuOps(device, 'f32');
  const partial = fusedCase('int4-g32', [2, 10, 40], true, true);
  t.equal(await compareWithReference(real, partial, OPERATION_TOLERANCES.f32), null);
  device.destroy();
});

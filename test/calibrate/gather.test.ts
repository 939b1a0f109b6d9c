import t, { type Test } from 'tap';
import { InputGatherer } from '#halflight/calibrate/gather.js';
import type { InputStats } from '#halflight/calibrate/method.js';
import { nearestMethod } from '#halflight/calibrate/nearest.js';
import { type Checkpoint, openSafetensors } from '#halflight/checkpoint/checkpoint.js';
import { parseModelConfig } from '#halflight/model/config-parse.js';
import { CpuOps } from '#halflight/ops/cpu.js';
import { dequantize, parseQuantization } from '#halflight/quant/formats.js';
import { temporaryFolder } from '../support/models.js';
import { fixture } from '../support/paths.js';
import { changedCheckpoint, type TinyModel, tinyDir } from '../support/tiny.js';

const samples = [
  Array.from({ length: 24 }, (_, i) => (7 * i * i + 3 * i + 5) % 97),
  Array.from({ length: 17 }, (_, i) => (11 * i * i + i + 2) % 97),
];

/** On the CPU reference. */
async function open(t: Test, model: TinyModel, changed?: Checkpoint) {
  const config = await parseModelConfig(tinyDir(model));
  const checkpoint = changed ?? (await openSafetensors(`${tinyDir(model)}/model.safetensors`));
  const openOps = async () => new CpuOps();
  const gatherer = new InputGatherer({ openOps, checkpoint, config, samples, withHessian: true });
  t.teardown(async () => {
    gatherer.close();
    await checkpoint.close();
  });
  return gatherer;
}

const RTN = nearestMethod({ scales: { kind: 'extremes' }, weighted: false });

/** A matrix of a tiny model, rounded so coarsely that all after it is changed. */
async function rounded(name: string, [rows, cols]: readonly [number, number]) {
  const file = await openSafetensors(`${tinyDir('llama')}/model.safetensors`);
  const values = await file.readF32(name);
  await file.close();
  return RTN.quantize({ name, values, rows, cols, format: parseQuantization('int2'), stats: null }).packed;
}

/** Of numbers that are sums in f32 there and in f64 here. */
const near = (a: number, b: number, scale: number) => Math.abs(a - b) <= 2e-5 * scale;

/**
 * Inputs that transformers 5.12 gives its linear modules in f32, taken by hooks: `[mean x²; mean |x|; max |x|; row 3 of (2/n) Σ x·xᵀ]` for layers
 * 0 and 2, over both samples.
 */
t.test('statistics of inputs are those that transformers’ own modules see', async (t) => {
  const file = await openSafetensors(fixture('calibrate/inputs.safetensors'));
  const models = new Map<string, string[]>();
  for (const key of file.tensors.keys()) {
    const [model, tensor] = key.split('/');
    models.set(model, [...(models.get(model) ?? []), tensor]);
  }
  for (const [model, tensors] of models) {
    const gatherer = await open(t, model as TinyModel);
    for (const tensor of inOrder(tensors)) {
      const stats = await gatherer.statsOf(tensor);
      const expected = await file.readF32(`${model}/${tensor}`);
      t.equal(stats?.numTokens, 41);
      t.ok(stats !== null && agree(stats, expected), `${model} ${tensor}`);
    }
  }
  await file.close();
});

/** By layer, and within it as a token meets them: names sort otherwise. */
function inOrder(tensors: readonly string[]): string[] {
  const steps = [
    /q_proj|query_key_value|c_attn/,
    /o_proj|attention\.dense|attn\.c_proj/,
    /gate_proj|dense_h_to_4h|c_fc/,
    /./,
  ];
  const rank = (name: string) =>
    10 * Number(/\.(\d)\./.exec(name)?.[1]) + steps.findIndex((step) => step.test(name));
  return tensors.toSorted((a, b) => rank(a) - rank(b));
}

function agree(
  { meanSquares, meanMagnitudes, maxMagnitudes, hessian }: InputStats,
  expected: Float32Array,
): boolean {
  const cols = meanSquares.length;
  const rows = [meanSquares, meanMagnitudes, maxMagnitudes, hessian?.subarray(3 * cols, 4 * cols) ?? []];
  return rows.every((row, r) => {
    const theirs = expected.subarray(r * cols, (r + 1) * cols);
    const scale = theirs.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    return row.length === cols && theirs.every((value, k) => near(row[k], value, scale));
  });
}

t.test('a matrix sees what those before it became, within its layer and beyond', async (t) => {
  const changed = {
    'model.layers.0.self_attn.k_proj.weight': [32, 64],
    'model.layers.0.self_attn.o_proj.weight': [64, 64],
    'model.layers.0.mlp.down_proj.weight': [64, 128],
  } as const;
  const gatherer = await open(t, 'llama');
  const packed = new Map<string, Awaited<ReturnType<typeof rounded>>>();
  for (const [name, shape] of Object.entries(changed)) packed.set(name, await rounded(name, shape));
  /** The same model as if its checkpoint held the rounded numbers. */
  const whole = await open(
    t,
    'llama',
    await changedCheckpoint(await temporaryFolder(t), 'llama', (tensor) => {
      const values = packed.get(tensor.name);
      return values === undefined ? tensor : { ...tensor, dtype: 'F32', data: dequantize(values) };
    }),
  );
  const asked = [
    'model.layers.0.self_attn.k_proj.weight',
    'model.layers.0.self_attn.o_proj.weight',
    'model.layers.0.mlp.up_proj.weight',
    'model.layers.0.mlp.down_proj.weight',
    'model.layers.2.self_attn.q_proj.weight',
  ];
  for (const name of asked) {
    t.strictSame(await gatherer.statsOf(name), await whole.statsOf(name), name);
    const weight = packed.get(name);
    if (weight !== undefined) gatherer.replace(name, { packed: weight, groupIndex: null });
  }
  const last = await gatherer.statsOf('model.layers.2.mlp.down_proj.weight');
  const resumed = await open(t, 'llama');
  for (const [name, weight] of packed) resumed.replace(name, { packed: weight, groupIndex: null });
  t.strictSame(await resumed.statsOf('model.layers.2.mlp.down_proj.weight'), last, 'a job that goes on');
});

t.test('nothing is known of the inputs of experts, nor of what is no layer’s', async (t) => {
  const gatherer = await open(t, 'mixtral');
  for (const name of ['model.layers.1.mlp.experts.0.w1.weight', 'lm_head.weight']) {
    t.equal(await gatherer.statsOf(name), null);
  }
  t.ok((await gatherer.statsOf('model.layers.1.self_attn.o_proj.weight')) !== null);
  await t.rejects(
    gatherer.statsOf('model.layers.0.self_attn.o_proj.weight'),
    /layer 0 is asked for after layer 1/,
  );
});

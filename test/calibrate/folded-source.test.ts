import t, { type Test } from 'tap';
import { foldedSource } from '#halflight/calibrate/folded-source.js';
import { foldsOf } from '#halflight/calibrate/folds.js';
import { InputGatherer } from '#halflight/calibrate/gather.js';
import { type Checkpoint, openSafetensors } from '#halflight/checkpoint/checkpoint.js';
import type { ModelConfig } from '#halflight/model/config.js';
import { parseModelConfig } from '#halflight/model/config-parse.js';
import { CpuOps } from '#halflight/ops/cpu.js';
import { temporaryFolder } from '../support/models.js';
import { Random } from '../support/random.js';
import { changedCheckpoint, DENSE_MODELS, tinyDir } from '../support/tiny.js';

const samples = [Array.from({ length: 20 }, (_, i) => (7 * i * i + 3 * i + 5) % 97)];

/** Checks that the folds' inputs are divided by random scales, whatever was folded before them. */
async function checkFolds(t: Test, name: string, config: ModelConfig, checkpoint: Checkpoint) {
  t.teardown(() => checkpoint.close());
  const random = new Random(1);
  const folds = foldsOf(config).map((fold) => ({
    ...fold,
    scales: Float64Array.from(random.values(fold.cols), (value) => 2 ** (3 * value)),
  }));
  const openOps = async () => new CpuOps();
  const gather = (source: Checkpoint) =>
    new InputGatherer({ openOps, checkpoint: source, config, samples, withHessian: false });
  const [plain, folded] = [gather(checkpoint), gather(foldedSource(checkpoint, folds, config.normOffset))];
  for (const { consumers, scales } of folds) {
    const [a, b] = [await plain.statsOf(consumers[0]), await folded.statsOf(consumers[0])];
    const expected = a?.maxMagnitudes ?? new Float64Array();
    const scale = expected.reduce((max, x) => Math.max(max, x), 0);
    const changed = b?.maxMagnitudes ?? new Float64Array();
    // Weights and norms are rounded to f32 once more; the layers amplify that.
    const agrees = expected.every((x, k) => Math.abs(changed[k] * scales[k] - x) < 2e-5 * scale);
    t.ok(agrees && changed.length === expected.length, `${name}: ${consumers[0]}`);
  }
  plain.close();
  folded.close();
  return folds.map(({ stack, producer }) => `${stack} of ${producer.kind}`);
}

t.test('inputs are divided by their scales, and nothing else in the model changes', async (t) => {
  const covered = new Set<string>();
  for (const model of DENSE_MODELS) {
    const config = await parseModelConfig(tinyDir(model));
    const checkpoint = await openSafetensors(`${tinyDir(model)}/model.safetensors`);
    for (const fold of await checkFolds(t, model, config, checkpoint)) covered.add(fold);
  }
  t.strictSame([...covered].sort(), ['down of rows', 'gateUp of norm', 'qkv of norm']);
});

t.test('v folds into o where each head of q has its own', async (t) => {
  const config = await parseModelConfig(tinyDir('llama'));
  const random = new Random(2);
  const checkpoint = await changedCheckpoint(await temporaryFolder(t), 'llama', (tensor) => {
    if (!/[kv]_proj/.test(tensor.name)) return tensor;
    return { ...tensor, dtype: 'F32', shape: [64, 64], data: random.values(64 * 64).map((w) => w / 8) };
  });
  const heads = { ...config, numKvHeads: config.numHeads };
  t.ok((await checkFolds(t, 'llama with all heads', heads, checkpoint)).includes('o of rows'));
});

t.test('tensors may be read by rows, raw or as f32; those without a fold are as they were', async (t) => {
  const checkpoint = await openSafetensors(`${tinyDir('llama')}/model.safetensors`);
  const config = await parseModelConfig(tinyDir('llama'));
  const folds = foldsOf(config).map((fold) => ({
    ...fold,
    scales: new Float64Array(fold.cols).map((_, k) => k + 1),
  }));
  const source = foldedSource(checkpoint, folds, 0);
  const up = 'model.layers.1.mlp.up_proj.weight';
  const whole = await source.readF32(up);
  const rows = await source.readF32(up, { start: 100, count: 3 });
  t.strictSame(rows, whole.slice(100 * 64, 103 * 64));
  t.ok(Math.abs(whole[100 * 64 + 9] - ((await checkpoint.readF32(up))[100 * 64 + 9] * 10) / 101) < 1e-7);
  const { info, data } = await source.read(up, { start: 100, count: 3 });
  t.match(info, { dtype: 'F32', bytes: 128 * 64 * 4 });
  t.strictSame(new Float32Array(data.buffer), rows);
  const head = 'lm_head.weight';
  t.strictSame(await source.read(head), await checkpoint.read(head));
  await source.close();
});

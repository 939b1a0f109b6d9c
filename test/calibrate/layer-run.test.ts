import t from 'tap';
import { LayerRun } from '#halflight/calibrate/layer-run.js';
import { openSafetensors } from '#halflight/checkpoint/checkpoint.js';
import { createLogitsModel } from '#halflight/engine/logits.js';
import { parseModelConfig } from '#halflight/model/config-parse.js';
import { createLoader } from '#halflight/model/load.js';
import { CpuOps } from '#halflight/ops/cpu.js';
import { tinyDir, tinyOptions } from '../support/tiny.js';

const IDS = Array.from({ length: 21 }, (_, i) => (i * 37 + 5) % 300);

t.test('layer by layer, samples come to the logits that they have in one step', async (t) => {
  const config = await parseModelConfig(tinyDir('llama'));
  const checkpoint = await openSafetensors(`${tinyDir('llama')}/model.safetensors`);
  const ops = new CpuOps();
  const run = new LayerRun(ops, config, 40);
  const loading = { quantization: null, maxModelLen: 40, onBytes: () => undefined };
  const loader = createLoader(ops, checkpoint, config, loading);
  const table = await loader.embedding();
  // Another sample goes through before each, and must leave nothing behind.
  const other = await run.embed([9, 8, 7, 6], table, null);
  let hidden = await run.embed(IDS, table, null);
  for (let i = 0; i < config.numLayers; i++) {
    const layer = await loader.layer(i);
    await run.output(layer, { tokenIds: [9, 8, 7, 6], hidden: other });
    hidden = await run.output(layer, { tokenIds: IDS, hidden });
  }
  const norm = await checkpoint.readF32('model.norm.weight');
  const head = await checkpoint.readF32('lm_head.weight');
  await checkpoint.close();
  const model = await createLogitsModel(tinyOptions('llama', { device: 'cpu' }), () => undefined);
  const logits = await model.logits(IDS);
  model.destroy();
  const last = logitsOf(hidden.slice(-norm.length), norm, head, config.normEps);
  const expected = logits.slice(-config.vocabSize);
  // Hidden states are rounded to f32 between layers, logits once at the end.
  t.ok(last.every((value, i) => Math.abs(value - expected[i]) < 1e-5 * Math.max(1, Math.abs(expected[i]))));
});

t.test('a weight that the layer does not have is told', async (t) => {
  const config = await parseModelConfig(tinyDir('llama'));
  const checkpoint = await openSafetensors(`${tinyDir('llama')}/model.safetensors`);
  const ops = new CpuOps();
  const loader = createLoader(ops, checkpoint, config, {
    quantization: null,
    maxModelLen: 8,
    onBytes: () => undefined,
  });
  const layer = await loader.layer(0);
  await checkpoint.close();
  const run = new LayerRun(ops, config, 8);
  const sample = { tokenIds: [1, 2], hidden: new Float32Array(2 * config.hiddenSize).fill(1) };
  await t.rejects(run.input(layer, { rows: 1, cols: 1, parts: [] }, sample), /no product/);
});

function logitsOf(hidden: Float32Array, norm: Float32Array, head: Float32Array, eps: number): number[] {
  const size = hidden.length;
  const mean = hidden.reduce((sum, value) => sum + value * value, 0) / size;
  const normed = [...hidden].map((value, k) => (value / Math.sqrt(mean + eps)) * norm[k]);
  return Array.from({ length: head.length / size }, (_, row) =>
    normed.reduce((sum, value, k) => sum + value * head[row * size + k], 0),
  );
}

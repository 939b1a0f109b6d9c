import t from 'tap';
import { measureSteps } from '#halflight/calibrate/activation-steps.js';
import { LayerRun } from '#halflight/calibrate/layer-run.js';
import { parseRange } from '#halflight/calibrate/range.js';
import { openSafetensors } from '#halflight/checkpoint/checkpoint.js';
import { parseModelConfig } from '#halflight/model/config-parse.js';
import { createLoader } from '#halflight/model/load.js';
import { CpuOps } from '#halflight/ops/cpu.js';
import { tinyDir } from '../support/tiny.js';

t.test('scales are of what goes into a product, and of what each matrix gives with its bias', async (t) => {
  const config = await parseModelConfig(tinyDir('qwen2'));
  const checkpoint = await openSafetensors(`${tinyDir('qwen2')}/model.safetensors`);
  const ops = new CpuOps();
  const run = new LayerRun(ops, config, 8);
  const loading = { quantization: null, maxModelLen: 8, onBytes: () => undefined };
  const loader = createLoader(ops, checkpoint, config, loading);
  const table = await loader.embedding();
  const samples = [];
  for (const tokenIds of [
    [1, 2, 3, 4],
    [9, 8, 7],
  ])
    samples.push({ tokenIds, hidden: await run.embed(tokenIds, table, null) });
  const layer = await loader.layer(0);
  const { numHeads, numKvHeads, headDim } = config;
  const parts = [
    ['q', numHeads * headDim],
    ['k', numKvHeads * headDim],
    ['v', numKvHeads * headDim],
  ] as const;
  const options = { rule: parseRange('minmax'), withOutputs: true };
  const steps = await measureSteps(run, layer, layer.qkv, parts, samples, options);
  const { cols, parts: held, rows } = layer.qkv.weight;
  const greatest = { input: 0, q: 0, k: 0, v: 0 };
  for (const sample of samples) {
    const input = await run.input(layer, layer.qkv.weight, sample);
    for (let at = 0; at < input.length; at += cols) {
      for (let n = 0; n < rows; n++) {
        let sum = layer.qkv.bias?.data[n] ?? 0;
        for (let k = 0; k < cols; k++) sum += input[at + k] * held[0].codes[n * cols + k];
        const part = n < parts[0][1] ? 'q' : n < parts[0][1] + parts[1][1] ? 'k' : 'v';
        greatest[part] = Math.max(greatest[part], Math.abs(sum));
      }
    }
    greatest.input = input.reduce((most, value) => Math.max(most, Math.abs(value)), greatest.input);
  }
  // What is read of a device is f32.
  const near = (step: number | undefined, most: number) => Math.abs((step ?? 0) - most / 127) < 1e-6 * most;
  t.ok(near(steps.input, greatest.input));
  for (const part of ['q', 'k', 'v'] as const) t.ok(near(steps.outputs.get(part), greatest[part]), part);
  const inputs = await measureSteps(run, layer, layer.qkv, parts, samples, {
    ...options,
    withOutputs: false,
  });
  t.strictSame([inputs.input, inputs.outputs.size], [steps.input, 0]);
  await checkpoint.close();
});

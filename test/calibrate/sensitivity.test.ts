import t, { type Test } from 'tap';
import { InputGatherer } from '#halflight/calibrate/gather.js';
import { type Matrix, measureSensitivity } from '#halflight/calibrate/sensitivity.js';
import { openSafetensors } from '#halflight/checkpoint/checkpoint.js';
import { parseModelConfig } from '#halflight/model/config-parse.js';
import { CpuOps } from '#halflight/ops/cpu.js';
import { parseQuantization } from '#halflight/quant/formats.js';
import { type TinyModel, tinyDir } from '../support/tiny.js';

const samples = [0, 1].map((seed) => Array.from({ length: 20 }, (_, i) => (7 * i * i + 3 * i + seed) % 97));
const FORMATS = ['int2', 'int4', 'int8'].map(parseQuantization);

async function measured(t: Test, model: TinyModel, names: readonly string[]) {
  const config = await parseModelConfig(tinyDir(model));
  const checkpoint = await openSafetensors(`${tinyDir(model)}/model.safetensors`);
  const openOps = async () => new CpuOps();
  const inputs = new InputGatherer({ openOps, checkpoint, config, samples, withHessian: true });
  t.teardown(async () => {
    inputs.close();
    await checkpoint.close();
  });
  const matrices = names.map((tensor): Matrix => {
    const [rows, cols] = checkpoint.tensors.get(tensor)?.shape ?? [];
    const layer = /layers\.(\d)/.exec(tensor);
    return {
      tensor,
      layer: layer === null ? null : Number(layer[1]),
      rows,
      cols,
      isTransposed: false,
      isTable: tensor.includes('embed'),
      formats: FORMATS,
    };
  });
  const { numLayers, hiddenSize } = config;
  let count = 0;
  const onMatrix = () => {
    count++;
  };
  const costs = await measureSensitivity({ checkpoint, inputs, matrices, numLayers, hiddenSize, onMatrix });
  t.equal(count, matrices.length);
  return costs;
}

const LAYERS = ['model.layers.0.self_attn.v_proj.weight', 'model.layers.2.mlp.down_proj.weight'];

t.test('a matrix costs less in a finer format, wherever it stands', async (t) => {
  for (const [model, tables] of [
    ['llama', ['model.embed_tokens.weight', 'lm_head.weight']],
    ['gemma2', ['model.embed_tokens.weight']],
  ] as const) {
    for (const costs of await measured(t, model, [...LAYERS, ...tables])) {
      const [int2, int4, int8] = costs;
      t.ok(int2 > 4 * int4 && int4 > 16 * int8 && int8 > 0, `${model}: ${costs.join(' ')}`);
    }
  }
});

t.test('the same inputs cost the same to the bit, whatever else is measured', async (t) => {
  const [first, last] = await measured(t, 'llama', LAYERS);
  t.strictSame(await measured(t, 'llama', LAYERS.slice(0, 1)), [first]);
  t.strictSame(await measured(t, 'llama', LAYERS.slice(1)), [last]);
});

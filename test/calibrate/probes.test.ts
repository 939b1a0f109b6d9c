import t from 'tap';
import { InputGatherer } from '#halflight/calibrate/gather.js';
import { klDivergence, rowSums } from '#halflight/calibrate/log-probs.js';
import { Probes, rowDelta } from '#halflight/calibrate/probes.js';
import { openSafetensors } from '#halflight/checkpoint/checkpoint.js';
import { createLogitsModel } from '#halflight/engine/logits.js';
import { parseModelConfig } from '#halflight/model/config-parse.js';
import { CpuOps } from '#halflight/ops/cpu.js';
import { parseQuantization } from '#halflight/quant/formats.js';
import { packFloat } from '#halflight/quant/pack.js';
import { quantizeRtn } from '#halflight/quant/rtn.js';
import { copyTinyModel } from '../support/models.js';
import { changedCheckpoint, tinyDir, tinyOptions } from '../support/tiny.js';

const IDS = Array.from({ length: 21 }, (_, i) => (i * 37 + 5) % 97);
const NAME = 'model.layers.1.mlp.down_proj.weight';

t.test('a rounded matrix diverges as the whole model with it does', async (t) => {
  const config = await parseModelConfig(tinyDir('llama'));
  const checkpoint = await openSafetensors(`${tinyDir('llama')}/model.safetensors`);
  const [rows, cols] = checkpoint.tensors.get(NAME)?.shape ?? [];
  const values = await checkpoint.readF32(NAME);
  const halved = packFloat(
    values.map((value) => value / 2),
    'f32',
    rows,
    cols,
  );
  const openOps = async () => new CpuOps();
  const inputs = new InputGatherer({ openOps, checkpoint, config, samples: [IDS], withHessian: false });
  const probes = new Probes(inputs, [0]);
  for (let layer = 0; layer < config.numLayers; layer++) {
    await probes.pass(layer);
    if (layer === 1) await probes.add(1, { tensor: NAME, packed: halved, groupIndex: null });
  }
  const divergence = (await probes.divergences(config.numLayers, 'lm_head.weight')).get(NAME) ?? 0;
  inputs.close();
  await checkpoint.close();
  const dir = await copyTinyModel(t);
  const changed = await changedCheckpoint(dir, 'llama', (tensor) =>
    tensor.name === NAME ? { ...tensor, dtype: 'F32', data: values.map((value) => value / 2) } : tensor,
  );
  await changed.close();
  const expected = await wholeDivergence(dir);
  t.ok(expected > 1e-6);
  // Hidden states are rounded to f32 between layers.
  t.ok(Math.abs(divergence - expected) < 1e-3 * expected, `${divergence} is ${expected}`);
});

/** Of the model whose folder this is from the tiny one, by the engine. */
async function wholeDivergence(modelDir: string): Promise<number> {
  const logits: Float32Array[] = [];
  for (const changed of [{}, { modelDir }]) {
    const model = await createLogitsModel(
      tinyOptions('llama', { device: 'cpu', ...changed }),
      () => undefined,
    );
    logits.push(await model.logits(IDS));
    model.destroy();
  }
  const vocab = logits[0].length / IDS.length;
  const divergences = IDS.map((_, token) => {
    const [own, other] = logits.map((all) => all.subarray(token * vocab, (token + 1) * vocab));
    return klDivergence(own, other, rowSums(own).norm, rowSums(other).norm);
  });
  return divergences.reduce((sum, one) => sum + one) / IDS.length;
}

t.test('a row’s change is what its codes do not stand for', (t) => {
  const row = Float32Array.of(1, -0.3, 0.1, ...new Array(29).fill(0));
  const packed = quantizeRtn(row, 1, 32, parseQuantization('int2'));
  const delta = new Float64Array(32);
  rowDelta(row, packed, 0, delta);
  // Steps of −1/2: −0.3 becomes −0.5, and 0.1 becomes 0; all are f32.
  t.ok(Math.abs(delta[0]) < 1e-6 && Math.abs(delta[1] - 0.2) < 1e-6 && Math.abs(delta[2] - 0.1) < 1e-6);
  t.end();
});

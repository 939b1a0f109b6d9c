import t from 'tap';
import { InputGatherer } from '#halflight/calibrate/gather.js';
import { openSafetensors } from '#halflight/checkpoint/checkpoint.js';
import { webgpuBackend } from '#halflight/engine/backend.js';
import { parseModelConfig } from '#halflight/model/config-parse.js';
import { fixture } from '../support/paths.js';
import { tinyDir } from '../support/tiny.js';

const samples = [
  Array.from({ length: 24 }, (_, i) => (7 * i * i + 3 * i + 5) % 97),
  Array.from({ length: 17 }, (_, i) => (11 * i * i + i + 2) % 97),
];

/** On whatever adapter there is, in f32. The fixture is told of in test/calibrate/gather.test.ts. */
t.test('inputs that are gathered on the GPU are those that transformers sees', async (t) => {
  const config = await parseModelConfig(tinyDir('llama'));
  const checkpoint = await openSafetensors(`${tinyDir('llama')}/model.safetensors`);
  const openOps = async () => (await webgpuBackend({ computeType: 'float32', batchInvariant: false })).ops;
  const gatherer = new InputGatherer({ openOps, checkpoint, config, samples, withHessian: true });
  const file = await openSafetensors(fixture('calibrate/inputs.safetensors'));
  for (const module of ['0.self_attn.q_proj', '0.mlp.down_proj', '2.self_attn.o_proj', '2.mlp.gate_proj']) {
    const name = `model.layers.${module}.weight`;
    const stats = await gatherer.statsOf(name);
    const expected = await file.readF32(`llama/${name}`);
    const cols = expected.length / 4;
    const hessian = stats?.hessian?.subarray(3 * cols, 4 * cols) ?? new Float64Array();
    const theirs = expected.subarray(3 * cols);
    const scale = theirs.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    // Sums of f32 in other orders, through up to three layers.
    t.ok(
      hessian.length === cols && hessian.every((value, k) => Math.abs(value - theirs[k]) < 2e-4 * scale),
      name,
    );
  }
  gatherer.close();
  await checkpoint.close();
  await file.close();
});

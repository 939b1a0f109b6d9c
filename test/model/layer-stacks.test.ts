import t from 'tap';
import { parseModelConfig } from '#halflight/model/config-parse.js';
import { layerStacks } from '#halflight/model/layer-stacks.js';
import { tinyDir } from '../support/tiny.js';

t.test('matrices of the same inputs stand together, with their outputs', async (t) => {
  const config = await parseModelConfig(tinyDir('llama'));
  const { qkv, o, gateUp, down } = layerStacks(config, 2);
  const shapes = [qkv, o, gateUp, down].map(({ parts, cols }) => [
    ...parts.map(([{ weight }, rows]) => `${weight.replace('model.layers.2.', '')} ${rows}`),
    cols,
  ]);
  t.strictSame(shapes, [
    ['self_attn.q_proj.weight 64', 'self_attn.k_proj.weight 32', 'self_attn.v_proj.weight 32', 64],
    ['self_attn.o_proj.weight 64', 64],
    ['mlp.gate_proj.weight 128', 'mlp.up_proj.weight 128', 64],
    ['mlp.down_proj.weight 64', 128],
  ]);
});

t.test('an MLP without gates has its one matrix there', async (t) => {
  const { gateUp } = layerStacks(await parseModelConfig(tinyDir('gpt2')), 0);
  t.equal(gateUp.parts.length, 1);
});

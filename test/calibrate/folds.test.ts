import t from 'tap';
import { foldsOf } from '#halflight/calibrate/folds.js';
import { parseModelConfig } from '#halflight/model/config-parse.js';
import { type TinyModel, tinyDir } from '../support/tiny.js';

async function firstLayer(model: TinyModel) {
  const folds = foldsOf(await parseModelConfig(tinyDir(model)));
  return folds.filter(({ layer }) => layer === 0);
}

const LAYER = 'model.layers.0.';

t.test(
  'norms fold into what they feed, and up into down; v not into o, which reads each of its heads twice',
  async (t) => {
    const [qkv, gateUp, down] = await firstLayer('llama');
    t.strictSame(qkv, {
      layer: 0,
      stack: 'qkv',
      producer: { kind: 'norm', weight: `${LAYER}input_layernorm.weight`, bias: null },
      consumers: ['q', 'k', 'v'].map((name) => `${LAYER}self_attn.${name}_proj.weight`),
      cols: 64,
    });
    t.match(gateUp, {
      stack: 'gateUp',
      producer: { weight: `${LAYER}post_attention_layernorm.weight` },
      consumers: [`${LAYER}mlp.gate_proj.weight`, `${LAYER}mlp.up_proj.weight`],
    });
    t.match(down, {
      stack: 'down',
      producer: { kind: 'rows', names: { weight: `${LAYER}mlp.up_proj.weight` }, start: 0 },
      consumers: [`${LAYER}mlp.down_proj.weight`],
      cols: 128,
    });
    t.equal((await firstLayer('llama')).length, 3);
  },
);

t.test('rows of up may lie behind those of gate, in one tensor', async (t) => {
  const folds = await firstLayer('phi3');
  t.match(folds.at(-1), { producer: { names: { weight: `${LAYER}mlp.gate_up_proj.weight` }, start: 128 } });
  t.strictSame(folds.find(({ stack }) => stack === 'gateUp')?.consumers, [`${LAYER}mlp.gate_up_proj.weight`]);
});

t.test('where there is no norm before a product, nothing folds into it', async (t) => {
  t.notOk((await firstLayer('olmo2')).some(({ producer }) => producer.kind === 'norm'));
});

t.test('experts share their norm with the router, and transposed matrices are left alone', async (t) => {
  t.strictSame(
    (await firstLayer('mixtral')).map(({ stack }) => stack),
    ['qkv'],
  );
  t.strictSame(await firstLayer('gpt2'), []);
});

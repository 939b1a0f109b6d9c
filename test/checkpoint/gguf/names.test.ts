import t from 'tap';
import { logicalName } from '#halflight/checkpoint/gguf/names.js';

t.test('tensors go by the names of Hugging Face', (t) => {
  t.equal(logicalName('token_embd.weight'), 'model.embed_tokens.weight');
  t.equal(logicalName('output.weight'), 'lm_head.weight');
  t.equal(logicalName('blk.12.attn_q.bias'), 'model.layers.12.self_attn.q_proj.bias');
  t.equal(logicalName('blk.0.ffn_down.weight'), 'model.layers.0.mlp.down_proj.weight');
  t.end();
});

t.test('an unknown tensor keeps its name', (t) => {
  for (const name of [
    'rope_freqs.weight',
    'blk.0.ssm_a.weight',
    'blk.0.output.weight',
    'attn_q.weight',
    'toString.weight',
    '',
  ]) {
    t.equal(logicalName(name), name);
  }
  t.end();
});

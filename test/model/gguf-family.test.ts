import t from 'tap';
import { loadArchitectures } from '#halflight/model/architectures.js';
import { ggufFamily } from '#halflight/model/gguf-family.js';
import { fieldsOf } from '../support/gguf.js';

const architectures = await loadArchitectures();

function familyOf(architecture: string, metadata: object = {}) {
  return ggufFamily(fieldsOf({ 'general.architecture': architecture, ...metadata }), architectures);
}

t.test('of two families of one architecture the key tells, unless it is 0', (t) => {
  t.equal(familyOf('llama').architecture.name, 'llama');
  t.equal(familyOf('llama', { 'llama.attention.sliding_window': 8 }).architecture.name, 'mistral');
  t.equal(familyOf('llama', { 'llama.attention.sliding_window': 0 }).architecture.name, 'llama');
  t.end();
});

t.test(
  'modules have the format’s names, those that are one matrix one name, and those that a family lacks none',
  (t) => {
    const { modules, layouts } = familyOf('phi3').architecture;
    t.match(modules, {
      q: 'blk.{layer}.attn_qkv',
      v: 'blk.{layer}.attn_qkv',
      gate: 'blk.{layer}.ffn_up',
      up: 'blk.{layer}.ffn_up',
      qNorm: null,
      positions: null,
    });
    t.match(familyOf('gpt2').architecture.modules, { positions: 'position_embd', gate: null });
    t.match(familyOf('olmo2').architecture.modules, {
      attentionNorm: null,
      attentionPostNorm: 'blk.{layer}.post_attention_norm',
      mlpPostNorm: 'blk.{layer}.post_ffw_norm',
    });
    t.equal(layouts.q, 'rows');
    t.equal(familyOf('gptneox').architecture.layouts.q, 'rows');
    t.end();
  },
);

t.test('a family’s defaults keep their values under the format’s names', (t) => {
  const { defaults } = familyOf('gemma3').architecture;
  t.match(defaults, { 'gemma3.attention.sliding_window_pattern': 6, 'gemma3.rope.freq_base_swa': 10_000 });
  t.notOk('gemma3.rope.freq_base' in defaults, 'the base of a file that has none is 10,000');
  t.match(familyOf('gptneox').architecture.defaults, { 'gptneox.rope.dimension_count': 0.25 });
  t.end();
});

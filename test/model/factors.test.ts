import t from 'tap';
import { build, OLD_LLAMA, refuses } from './config-support.js';

const GRANITE = { ...OLD_LLAMA, architectures: ['GraniteForCausalLM'] };
const GEMMA2 = { ...OLD_LLAMA, architectures: ['Gemma2ForCausalLM'], hidden_act: 'gelu' };

t.test('Granite has four factors, and the logits are divided by theirs', (t) => {
  const multipliers = { embedding_multiplier: 12, attention_multiplier: 0.5, residual_multiplier: 0.25 };
  const config = build({ ...GRANITE, ...multipliers, logits_scaling: 8 });
  t.match(config, { embeddingScale: 12, attentionScale: 0.5, residualScale: 0.25, logitsScale: 1 / 8 });
  t.match(build(GRANITE), { embeddingScale: 1, attentionScale: 1, residualScale: 1, logitsScale: 1 });
  refuses(t, { ...GRANITE, logits_scaling: 0 }, 'logits_scaling');
  refuses(t, { ...OLD_LLAMA, logits_scaling: 8 }, 'logits_scaling', 'not understood');
  t.end();
});

t.test('Gemma scales embeddings by the root of the hidden size, and Gemma 2 caps scores and logits', (t) => {
  const config = build(GEMMA2);
  t.match(config, { embeddingScale: 8, attentionScale: 1 / 16, attentionSoftCap: 50, logitsSoftCap: 30 });
  t.match(config, { headDim: 256, activation: 'gelu_tanh', normOffset: 1, tieWordEmbeddings: true });
  const uncapped = build({ ...GEMMA2, attn_logit_softcapping: null, query_pre_attn_scalar: 4 });
  t.match(uncapped, { attentionScale: 1 / 2, attentionSoftCap: null });
  t.end();
});

t.test('GPT-2 may leave scores unscaled, and refuses a scale of each layer', (t) => {
  const gpt2 = {
    architectures: ['GPT2LMHeadModel'],
    model_type: 'gpt2',
    n_embd: 64,
    n_head: 4,
    n_layer: 2,
    n_positions: 32,
    n_inner: null,
    vocab_size: 128,
  };
  t.match(build(gpt2), { hiddenSize: 64, intermediateSize: 256, attentionScale: 1 / 4, norm: 'layer' });
  t.equal(build({ ...gpt2, scale_attn_weights: false }).attentionScale, 1);
  refuses(t, { ...gpt2, scale_attn_by_inverse_layer_idx: true }, 'scale_attn_by_inverse_layer_idx');
  refuses(t, { ...gpt2, n_embd: undefined }, 'n_embd', 'missing');
  t.end();
});

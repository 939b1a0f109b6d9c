import t from 'tap';
import { expertKeys, expertNames } from '#halflight/model/experts-config.js';
import { build, OLD_LLAMA, refuses } from './config-support.js';

const MIXTRAL = { ...OLD_LLAMA, architectures: ['MixtralForCausalLM'], num_local_experts: 4 };
const QWEN3_MOE = {
  ...OLD_LLAMA,
  architectures: ['Qwen3MoeForCausalLM'],
  num_experts: 8,
  moe_intermediate_size: 32,
};
const GPT_OSS = { ...OLD_LLAMA, architectures: ['GptOssForCausalLM'], num_local_experts: 4 };

t.test('Mixtral’s experts are as large as config.json says of the MLP, and in every layer', (t) => {
  t.strictSame(build(MIXTRAL).experts, {
    numExperts: 4,
    topK: 2,
    intermediateSize: 128,
    normalized: true,
    interleaved: false,
    layers: [true, true, true],
  });
  t.equal(build({ ...OLD_LLAMA, architectures: ['MixtralForCausalLM'] }).experts?.numExperts, 8);
  t.equal(build(OLD_LLAMA).experts, null);
  t.end();
});

t.test('Qwen3-MoE has a size of its own for experts, and layers without', (t) => {
  const { experts, intermediateSize } = build(QWEN3_MOE);
  t.match(experts, { numExperts: 8, topK: 8, intermediateSize: 32, normalized: false });
  t.equal(intermediateSize, 128);
  const layers = (changes: object) => build({ ...QWEN3_MOE, ...changes }).experts?.layers;
  t.strictSame(layers({}), [true, true, true]);
  t.strictSame(layers({ mlp_only_layers: [0, 2] }), [false, true, false]);
  t.strictSame(layers({ decoder_sparse_step: 2 }), [false, true, false]);
  t.strictSame(layers({ decoder_sparse_step: 2, mlp_only_layers: [1] }), [false, false, false]);
  const { num_experts: count, ...newer } = QWEN3_MOE;
  t.equal(
    build({ ...newer, num_local_experts: count }).experts?.numExperts,
    8,
    'as transformers 5 writes it',
  );
  t.end();
});

t.test('gpt-oss clamps its gates, and rows of gate and up take turns', (t) => {
  const config = build({ ...GPT_OSS, swiglu_limit: 7.0 });
  t.equal(config.activation, 'clamped_swish');
  t.match(config.experts, { topK: 4, normalized: true, interleaved: true });
  t.equal(config.weights.sinks, 'model.layers.{layer}.self_attn.sinks');
  t.end();
});

t.test('numbers that cannot be are named', (t) => {
  refuses(t, { ...MIXTRAL, num_experts_per_tok: 5 }, 'num_experts_per_tok', 'from 1 to 4');
  refuses(t, { ...MIXTRAL, num_local_experts: 0 }, 'num_local_experts', 'from 1');
  refuses(t, { ...MIXTRAL, mlp_only_layers: [1] }, 'mlp_only_layers', 'not understood');
  refuses(t, { ...QWEN3_MOE, mlp_only_layers: [3] }, 'mlp_only_layers', 'layers below 3');
  refuses(t, { ...QWEN3_MOE, decoder_sparse_step: 0 }, 'decoder_sparse_step', 'from 1');
  refuses(t, { ...GPT_OSS, swiglu_limit: 8 }, 'swiglu_limit', 'another limit than 7');
  refuses(t, { ...OLD_LLAMA, num_experts: 4 }, 'num_experts', 'not understood');
  t.end();
});

t.test('a family without experts has no names and reads no keys of them', (t) => {
  t.strictSame(expertNames(null), []);
  t.strictSame(expertKeys({ experts: null }), []);
  t.end();
});

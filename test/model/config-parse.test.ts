import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openCheckpoint } from '#halflight/checkpoint/checkpoint.js';
import { parseJson } from '#halflight/checkpoint/json.js';
import { CheckpointError } from '#halflight/errors.js';
import type { LinearNames, ModelConfig } from '#halflight/model/config.js';
import { parseModelConfig } from '#halflight/model/config-parse.js';
import { inExpert } from '#halflight/model/names.js';
import { mutate, quickestMs, seededIntegers } from '../checkpoint/support.js';
import { fixture, root } from '../support/paths.js';
import { TINY_MODELS, tinyDir } from '../support/tiny.js';
import { build, LLAMA3_ROPE, MISTRAL, OLD_LLAMA, QWEN3, refuses } from './config-support.js';

const layer = (name: string, index: number) => name.replace('{layer}', String(index));

/** Names of what stands in a layer beside attention. */
function mlpNames({ weights, experts }: ModelConfig, index: number): LinearNames[] {
  const { gate, up, down } = weights;
  if (!experts?.layers[index]) return [...(gate === null ? [] : [gate]), up, down];
  const [form] = weights.experts;
  const numbers = Array.from({ length: experts.numExperts }, (_, expert) => expert);
  return [form.router, ...numbers.flatMap((e) => [form.gate, form.up, form.down].map((m) => inExpert(m, e)))];
}

/** Every tensor name that the configuration expects. */
function tensorNames(config: ModelConfig): string[] {
  const { weights, norm, numLayers, tieWordEmbeddings } = config;
  const linears: LinearNames[] = [weights.q, weights.k, weights.v, weights.o];
  const norms = [
    weights.attentionNorm,
    weights.mlpNorm,
    weights.attentionPostNorm,
    weights.mlpPostNorm,
    norm === 'rms' ? null : weights.finalNorm,
  ].flatMap((name) => (norm === 'rms' ? [name] : [name, name?.replace(/weight$/, 'bias') ?? null]));
  const perLayer = [...norms, weights.qNorm, weights.kNorm, weights.sinks];
  const layers = Array.from({ length: numLayers }, (_, i) => {
    const modules = [...linears, ...mlpNames(config, i)].flatMap(({ weight, bias }) => [weight, bias]);
    return [...perLayer, ...modules].filter((name) => name !== null).map((name) => layer(name, i));
  }).flat();
  const optional = [weights.positions, tieWordEmbeddings ? null : weights.lmHead];
  const outer = [weights.embedding, weights.finalNorm, ...optional.filter((name) => name !== null)];
  return [...new Set([...outer, ...layers])].sort();
}

t.test('the names that a configuration expects are exactly the tensors of its checkpoint', async (t) => {
  const tiny = TINY_MODELS.map(tinyDir);
  for (const dir of [...tiny, join(root, 'models/fable')]) {
    const config = await parseModelConfig(dir);
    const checkpoint = await openCheckpoint(dir);
    t.strictSame(tensorNames(config), [...checkpoint.tensors.keys()].sort(), dir);
    await checkpoint.close();
  }
});

t.test('the tiny Llama, a configuration of the newer generation', async (t) => {
  const { weights, ...config } = await parseModelConfig(fixture('tiny/llama'));
  const rope = {
    type: 'llama3',
    theta: 10000,
    rotaryDim: 16,
    factor: 8,
    lowFreqFactor: 1,
    highFreqFactor: 4,
    originalMaxPositions: 64,
  };
  t.strictSame(config, {
    architecture: 'llama',
    vocabSize: 2048,
    hiddenSize: 64,
    intermediateSize: 128,
    numLayers: 3,
    numHeads: 4,
    numKvHeads: 2,
    headDim: 16,
    maxPositionEmbeddings: 512,
    normEps: 1e-6,
    norm: 'rms',
    normOffset: 0,
    activation: 'silu',
    experts: null,
    parallelResidual: false,
    ropes: [rope, rope, rope],
    slidingWindows: [null, null, null],
    qkNorm: 'none',
    attentionScale: 1 / 4,
    attentionSoftCap: null,
    logitsSoftCap: null,
    embeddingScale: 1,
    residualScale: 1,
    logitsScale: 1,
    tieWordEmbeddings: false,
    bosTokenId: 0,
    eosTokenIds: [2],
    optionalPrefix: '',
  });
  const names = { weight: 'model.layers.{layer}.self_attn.q_proj.weight', bias: null, layout: 'rows' };
  t.strictSame(weights.q, names);
});

t.test('what differs in the other tiny models and the bundled one', async (t) => {
  const mistral = await parseModelConfig(fixture('tiny/mistral'));
  t.strictSame(mistral.slidingWindows, [24, 24, 24]);
  t.strictSame(mistral.ropes[0], { type: 'default', theta: 10000, rotaryDim: 16 });
  const qwen2 = await parseModelConfig(fixture('tiny/qwen2'));
  t.strictSame([qwen2.headDim, qwen2.tieWordEmbeddings, qwen2.slidingWindows[0]], [16, true, null]);
  t.strictSame(
    [qwen2.weights.v.bias, qwen2.weights.o.bias],
    ['model.layers.{layer}.self_attn.v_proj.bias', null],
  );
  const qwen3 = await parseModelConfig(fixture('tiny/qwen3'));
  t.strictSame([qwen3.headDim, qwen3.qkNorm, qwen3.weights.q.bias], [32, 'head', null]);
  t.equal(qwen3.weights.kNorm, 'model.layers.{layer}.self_attn.k_norm.weight');
  const fable = await parseModelConfig(join(root, 'models/fable'));
  t.equal(fable.architecture, 'llama');
  t.strictSame(fable.eosTokenIds, [2, 0]);
});

t.test('the older generation: absent optional keys take the values of the family', (t) => {
  const llama = build(OLD_LLAMA);
  t.strictSame([llama.numKvHeads, llama.headDim, llama.tieWordEmbeddings], [4, 16, false]);
  t.strictSame(llama.ropes[0], { type: 'default', theta: 500000, rotaryDim: 16 });
  t.strictSame([llama.bosTokenId, llama.eosTokenIds], [null, []]);
  t.equal(build({ ...OLD_LLAMA, head_dim: null }).headDim, 16);
  t.equal(build({ ...OLD_LLAMA, rope_theta: undefined }).ropes[0].theta, 10000);
  t.equal(build(QWEN3).headDim, 128);
  t.strictSame(build(MISTRAL).slidingWindows, [4096, 4096, 4096]);
  t.strictSame(build({ ...MISTRAL, sliding_window: null }).slidingWindows, [null, null, null]);
  t.end();
});

t.test('biases follow the family or its keys', (t) => {
  const biased = build({ ...OLD_LLAMA, attention_bias: true, mlp_bias: true }).weights;
  t.equal(biased.o.bias, 'model.layers.{layer}.self_attn.o_proj.bias');
  t.equal(biased.down.bias, 'model.layers.{layer}.mlp.down_proj.bias');
  t.equal(build({ ...OLD_LLAMA, attention_bias: true }).weights.gate?.bias, null);
  t.equal(
    build({ ...QWEN3, attention_bias: true }).weights.o.bias,
    'model.layers.{layer}.self_attn.o_proj.bias',
  );
  t.ok(build({ ...MISTRAL, attention_bias: false }));
  refuses(t, { ...MISTRAL, attention_bias: true }, 'attention_bias', 'not understood');
  refuses(t, { ...OLD_LLAMA, attention_bias: 1 }, 'attention_bias', 'true or false');
  t.end();
});

t.test('end tokens of both files count once each, in order', (t) => {
  const config = { ...OLD_LLAMA, bos_token_id: 1, eos_token_id: 2 };
  t.strictSame(build(config, { eos_token_id: [5, 2], bos_token_id: 9 }).eosTokenIds, [2, 5]);
  t.equal(build(config, { bos_token_id: 9 }).bosTokenId, 1);
  t.equal(build(OLD_LLAMA, { bos_token_id: 9 }).bosTokenId, 9);
  refuses(t, { ...OLD_LLAMA, eos_token_id: 2048 }, 'eos_token_id');
  refuses(t, { ...OLD_LLAMA, eos_token_id: ['2'] }, 'eos_token_id', 'below 2048, holds "2"');
  t.throws(() => build(OLD_LLAMA, { eos_token_id: -1 }), {
    message: /^generation_config\.json: eos_token_id: /,
  });
  t.end();
});

t.test('an unknown architecture is refused by name, with the known ones', (t) => {
  const known = 'known: Gemma2ForCausalLM, .*LlamaForCausalLM, MistralForCausalLM, .*Qwen3ForCausalLM';
  refuses(
    t,
    { ...OLD_LLAMA, architectures: ['MambaForCausalLM'] },
    'architectures',
    `MambaForCausalLM is not supported; ${known}`,
  );
  refuses(t, { ...OLD_LLAMA, architectures: [] }, 'architectures', 'not supported');
  refuses(t, { ...OLD_LLAMA, architectures: undefined }, 'architectures', 'missing');
  t.end();
});

t.test('sizes that cannot be are refused by key', (t) => {
  const keys = ['vocab_size', 'hidden_size', 'intermediate_size', 'num_hidden_layers', 'num_attention_heads'];
  for (const key of [...keys, 'max_position_embeddings']) {
    for (const value of [0, -1, 1.5, '8', [], 2 ** 60, Number.POSITIVE_INFINITY])
      refuses(t, { ...OLD_LLAMA, [key]: value }, key);
    refuses(t, { ...OLD_LLAMA, [key]: undefined }, key, 'missing');
  }
  refuses(t, { ...OLD_LLAMA, rms_norm_eps: 0 }, 'rms_norm_eps');
  refuses(t, { ...OLD_LLAMA, num_key_value_heads: 3 }, 'num_key_value_heads', 'does not divide');
  refuses(t, { ...OLD_LLAMA, head_dim: 18 }, 'head_dim', 'no multiple of 4');
  refuses(t, { ...OLD_LLAMA, num_attention_heads: 3 }, 'head_dim', 'no multiple of 3 heads');
  refuses(t, { ...OLD_LLAMA, tie_word_embeddings: 'yes' }, 'tie_word_embeddings');
  t.end();
});

t.test('a directory without config.json is named, one without generation_config.json loads', async (t) => {
  await t.rejects(parseModelConfig(t.testdir({})), {
    name: 'CheckpointError',
    message: /config\.json: file: no such/,
  });
  const dir = t.testdir({ 'config.json': JSON.stringify(OLD_LLAMA) });
  t.equal((await parseModelConfig(dir)).architecture, 'llama');
});

const OLDER = [
  OLD_LLAMA,
  { ...OLD_LLAMA, rope_scaling: LLAMA3_ROPE, attention_bias: true },
  { ...MISTRAL, sliding_window: 24, head_dim: 16 },
  {
    ...QWEN3,
    use_sliding_window: true,
    sliding_window: 8,
    max_window_layers: 1,
    rope_scaling: { type: 'linear', factor: 2 },
  },
  {
    ...OLD_LLAMA,
    rope_scaling: { type: 'yarn', factor: 4, original_max_position_embeddings: 64, beta_fast: 16 },
  },
  {
    ...OLD_LLAMA,
    architectures: ['Gemma3ForCausalLM'],
    sliding_window: 16,
    sliding_window_pattern: 2,
    rope_local_base_freq: 10_000,
    head_dim: 16,
    query_pre_attn_scalar: 16,
  },
].map((config) => new TextEncoder().encode(JSON.stringify(config)));
const NEWER = await Promise.all(
  TINY_MODELS.map(async (model) => new Uint8Array(await readFile(join(tinyDir(model), 'config.json')))),
);

for (const [generation, intact] of Object.entries({ older: OLDER, newer: NEWER })) {
  t.test(
    `1,000 damaged config.json of the ${generation} generation load or fail with CheckpointError, each in less than 100 ms`,
    async (t) => {
      t.setTimeout(120_000);
      const integer = seededIntegers(2);
      let refused = 0;
      for (let i = 0; i < 1000; i++) {
        const bytes = mutate(intact[i % intact.length], integer);
        const elapsedMs = await quickestMs(
          async () => build(parseJson(bytes, 'config.json')),
          (error) => {
            if (!(error instanceof CheckpointError && error.field !== '')) t.fail(`mutation ${i}`, { error });
            refused++;
          },
        );
        if (elapsedMs >= 100) t.fail(`mutation ${i} took ${elapsedMs} ms`);
      }
      t.ok(refused > 500 && refused < 1000, `${refused} of 1,000 refused`);
    },
  );
}

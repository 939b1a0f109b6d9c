import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { parseModelConfig } from '#halflight/model/config-parse.js';
import { bool, f32, type GgufValue, ggufBytes, list, string, u32 } from '../support/gguf.js';
import { tinyContent, tinyGguf } from '../support/gguf-tiny.js';
import { TINY_MODELS, type TinyModel, tinyDir } from '../support/tiny.js';

/** What differs by design: names and order of tensors, and norms that GGUF stores whole. */
const OF_THE_FILE = { weights: null, normOffset: null, optionalPrefix: null };

/**
 * And where no key tells what the tiny models are: SmolLM3 leaves the rotation out in every second layer; of Qwen3-MoE's experts weights do
 * not sum to 1, and the file has the first layer alone. Gate and up of gpt-oss's experts are apart in the file.
 */
const OTHERS: Partial<Record<TinyModel, object>> = {
  smollm3: { ropes: null },
  gpt_oss: { experts: null },
  qwen3_moe: { experts: null, numLayers: null, ropes: null, slidingWindows: null },
};

for (const model of TINY_MODELS) {
  t.test(`${model}'s metadata gives the configuration of its config.json`, async (t) => {
    const file = join(t.testdir({}), 'm.gguf');
    await writeFile(file, await tinyGguf(model));
    const [got, expected] = [await parseModelConfig(file), await parseModelConfig(tinyDir(model))];
    const other = { ...OF_THE_FILE, ...OTHERS[model] };
    t.strictSame({ ...got, ...other }, { ...expected, ...other });
  });
}

t.test(
  'how embeddings are pooled is no part of the configuration, and no reason to refuse the file',
  async (t) => {
    const file = join(t.testdir({}), 'm.gguf');
    const { metadata, tensors } = await tinyContent('qwen3');
    await writeFile(file, ggufBytes({ ...metadata, 'qwen3.pooling_type': u32(3) }, tensors));
    const [got, expected] = [await parseModelConfig(file), await parseModelConfig(tinyDir('qwen3'))];
    t.strictSame({ ...got, ...OF_THE_FILE }, { ...expected, ...OF_THE_FILE });
  },
);

t.test('SmolLM3 rotates in three layers of four', async (t) => {
  const file = join(t.testdir({}), 'm.gguf');
  await writeFile(file, await tinyGguf('smollm3'));
  const { ropes } = await parseModelConfig(file);
  t.strictSame(
    ropes.map(({ type }) => type),
    ['default', 'default', 'default', 'none'],
  );
});

t.test(
  'Qwen3-MoE’s weights of experts sum to 1, and gpt-oss’s YaRN has no whole indices, also where no key says so',
  async (t) => {
    const file = join(t.testdir({}), 'm.gguf');
    await writeFile(file, await tinyGguf('qwen3_moe'));
    t.match((await parseModelConfig(file)).experts, {
      numExperts: 8,
      topK: 2,
      intermediateSize: 64,
      normalized: true,
    });
    const { metadata, tensors } = await tinyContent('gpt_oss');
    await writeFile(file, ggufBytes(metadata, tensors));
    t.match((await parseModelConfig(file)).experts, {
      numExperts: 4,
      topK: 2,
      intermediateSize: 128,
      interleaved: false,
    });
    const { 'gpt-oss.rope.scaling.yarn_truncate': _, ...others } = metadata;
    await writeFile(file, ggufBytes(others, tensors));
    t.match((await parseModelConfig(file)).ropes[0], { type: 'yarn', truncate: false });
  },
);

t.test('another architecture is refused by name with the known ones', async (t) => {
  const file = join(t.testdir({}), 'm.gguf');
  await writeFile(file, ggufBytes({ 'general.architecture': string('bert') }));
  await t.rejects(parseModelConfig(file), {
    name: 'CheckpointError',
    message: /m\.gguf: general\.architecture: "bert" is not read from GGUF; known: gemma2, .*smollm3$/,
  });
});

t.test('keys of the architecture that the family does not read are refused by name', async (t) => {
  const file = join(t.testdir({}), 'm.gguf');
  for (const [key, value] of [
    ['qwen2.expert_count', u32(8)],
    ['qwen2.attention.sliding_window', u32(8)],
    ['qwen2.logit_scale', f32(0.5)],
    ['qwen2.rope.scaling.alpha', f32(2)],
  ] as const) {
    await writeFile(file, await tinyGguf('qwen2', { [key]: value }));
    await t.rejects(parseModelConfig(file), {
      name: 'CheckpointError',
      field: key,
      message: /not understood, and it may change the result/,
    });
  }
  await writeFile(file, await tinyGguf('qwen2', { 'qwen2.expert_count': u32(0) }));
  await t.resolves(parseModelConfig(file));
});

t.test('a wrong value is refused by the key that the file has', async (t) => {
  const file = join(t.testdir({}), 'm.gguf');
  for (const [model, key, value] of [
    ['gemma2', 'gemma2.context_length', u32(0)],
    ['gemma3', 'gemma3.rope.freq_base_swa', f32(-1)],
    ['granite', 'granite.residual_scale', f32(Number.NaN)],
    ['phi3', 'phi3.attention.head_count_kv', u32(3)],
    ['gpt2', 'gpt2.attention.layer_norm_epsilon', f32(2)],
    ['gpt_neox', 'gptneox.rope.dimension_count', u32(17)],
    ['gpt_neox', 'gptneox.use_parallel_residual', u32(1)],
    ['qwen3', 'qwen3.attention.value_length', u32(8)],
    ['mixtral', 'llama.expert_used_count', u32(5)],
    ['gpt_oss', 'gpt-oss.expert_feed_forward_length', u32(64)],
    ['qwen3_moe', 'qwen3moe.expert_feed_forward_length', u32(0)],
    ['llama', 'tokenizer.ggml.bos_token_id', u32(5000)],
  ] as const) {
    await writeFile(file, await tinyGguf(model, { [key]: value }));
    await t.rejects(parseModelConfig(file), { name: 'CheckpointError', field: key });
  }
});

t.test('a pattern of sliding layers is a period, or a list of layers', async (t) => {
  const file = join(t.testdir({}), 'm.gguf');
  const windows = async (pattern: GgufValue) => {
    await writeFile(file, await tinyGguf('gemma2', { 'gemma2.attention.sliding_window_pattern': pattern }));
    return (await parseModelConfig(file)).slidingWindows;
  };
  t.strictSame(await windows(u32(3)), [16, 16, null, 16]);
  t.strictSame(await windows(list([true, true, false, false].map(bool))), [16, 16, null, null]);
});

t.test('the largest Gemmas scale scores by the share of a head in the hidden size', async (t) => {
  const file = join(t.testdir({}), 'm.gguf');
  const scale = async (numLayers: number) => {
    const changed = { 'gemma2.block_count': u32(numLayers), 'gemma2.attention.head_count': u32(8) };
    await writeFile(file, await tinyGguf('gemma2', changed));
    return (await parseModelConfig(file)).attentionScale;
  };
  t.equal(await scale(46), 1 / Math.sqrt(64 / 8));
  t.equal(await scale(42), 1 / Math.sqrt(16));
});

t.test('a missing key and a missing embedding are refused by name', async (t) => {
  const file = join(t.testdir({}), 'm.gguf');
  const metadata = { 'general.architecture': string('llama'), 'llama.embedding_length': u32(64) };
  await writeFile(file, ggufBytes(metadata));
  await t.rejects(parseModelConfig(file), { message: /m\.gguf: llama\.attention\.head_count: missing/ });
  await writeFile(file, ggufBytes({ ...metadata, 'llama.attention.head_count': u32(4) }));
  await t.rejects(parseModelConfig(file), { message: /m\.gguf: token_embd\.weight: no such tensor/ });
});

t.test('a tensor that the forward pass leaves out is refused by name', async (t) => {
  const file = join(t.testdir({}), 'm.gguf');
  const bytes = Buffer.from(await tinyGguf('qwen2'));
  bytes.write('blk.0.attn_x.weight', bytes.indexOf('blk.0.attn_q.weight'));
  await writeFile(file, bytes);
  await t.rejects(parseModelConfig(file), {
    name: 'CheckpointError',
    message: /m\.gguf: blk\.0\.attn_x\.weight: not understood for qwen2, and it may change the result/,
  });
});

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { parseModelConfig } from '#halflight/model/config-parse.js';
import { bool, f32, type GgufValue, ggufBytes, list, string, u32 } from '../support/gguf.js';
import { tinyGguf } from '../support/gguf-tiny.js';
import { DENSE_MODELS, tinyDir } from '../support/tiny.js';

/** What differs by design: names and order of tensors, and norms that GGUF stores whole. */
const OF_THE_FILE = { weights: null, normOffset: null, optionalPrefix: null };

for (const model of DENSE_MODELS) {
  t.test(`${model}'s metadata gives the configuration of its config.json`, async (t) => {
    const file = join(t.testdir({}), 'm.gguf');
    await writeFile(file, await tinyGguf(model));
    const [got, expected] = [await parseModelConfig(file), await parseModelConfig(tinyDir(model))];
    // The tiny SmolLM3 leaves the rotation out in every second layer, of which no key tells.
    const ropes = model === 'smollm3' ? { ropes: null } : {};
    t.strictSame({ ...got, ...OF_THE_FILE, ...ropes }, { ...expected, ...OF_THE_FILE, ...ropes });
  });
}

t.test('SmolLM3 rotates in three layers of four', async (t) => {
  const file = join(t.testdir({}), 'm.gguf');
  await writeFile(file, await tinyGguf('smollm3'));
  const { ropes } = await parseModelConfig(file);
  t.strictSame(
    ropes.map(({ type }) => type),
    ['default', 'default', 'default', 'none'],
  );
});

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
    ['gpt_neox', 'gptneox.rope.dimension_count', u32(5)],
    ['gpt_neox', 'gptneox.use_parallel_residual', u32(1)],
    ['qwen3', 'qwen3.attention.value_length', u32(8)],
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

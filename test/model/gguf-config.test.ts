import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { parseModelConfig } from '#halflight/model/config-parse.js';
import { shortest } from '#halflight/model/gguf-config.js';
import { ggufBytes, string, tinyGguf, u32 } from '../support/gguf.js';
import { GGUF_MODELS, tinyDir } from '../support/tiny.js';

for (const model of GGUF_MODELS) {
  t.test(`${model}'s metadata gives the configuration of its config.json`, async (t) => {
    const file = join(t.testdir({}), 'm.gguf');
    await writeFile(file, await tinyGguf(model));
    t.strictSame(await parseModelConfig(file), await parseModelConfig(tinyDir(model)));
  });
}

t.test('another architecture is refused by name with the known ones', async (t) => {
  const file = join(t.testdir({}), 'm.gguf');
  await writeFile(file, ggufBytes({ 'general.architecture': string('gemma3') }));
  await t.rejects(parseModelConfig(file), {
    name: 'CheckpointError',
    message: /m\.gguf: general\.architecture: "gemma3" is not read from GGUF; known: llama, qwen2, qwen3$/,
  });
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

t.test('an f32 is told by the shortest number that rounds to it', (t) => {
  for (const value of [1e-5, 1e-6, 0.1, 123456.7, 1]) t.equal(shortest(Math.fround(value)), value);
  t.equal(shortest(Math.fround(1 / 3)), 0.33333334);
  t.end();
});

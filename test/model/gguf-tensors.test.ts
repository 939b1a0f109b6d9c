import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openGguf } from '#halflight/checkpoint/gguf/checkpoint.js';
import { layoutGguf } from '#halflight/checkpoint/gguf/write.js';
import { partsSource } from '#halflight/model/gguf-part.js';
import { unusedTensors } from '#halflight/model/gguf-tensors.js';
import { writableTiny, writtenModel } from '../support/gguf-written.js';

t.test('rows that the file has in another order are read back in the model’s', async (t) => {
  const { parts, metadata, checkpoint } = await writtenModel(t, await writableTiny(t, 'llama'));
  const specs = parts.map(({ name, dtype, shape }) => ({ name, type: dtype, shape }));
  const file = join(t.testdir({}), 'm.gguf');
  const { header, tensors, fileBytes } = layoutGguf(file, metadata, specs);
  const bytes = new Uint8Array(fileBytes);
  bytes.set(header);
  const source = partsSource(parts);
  for (const { tensor, position } of tensors) bytes.set((await source.read(tensor.name)).data, position);
  writeFileSync(file, bytes);
  const read = await openGguf(file);
  t.teardown(() => read.close());
  const names = [
    ['blk.1.attn_q', 'model.layers.1.self_attn.q_proj'],
    ['blk.0.attn_k', 'model.layers.0.self_attn.k_proj'],
    ['blk.2.ffn_down', 'model.layers.2.mlp.down_proj'],
  ];
  for (const [to, from] of names)
    t.strictSame(await read.readF32(`${to}.weight`), await checkpoint.readF32(`${from}.weight`), to);
  t.notSame(await source.readF32('blk.1.attn_q.weight'), await read.readF32('blk.1.attn_q.weight'));
});

t.test('each part says of which tensors it is, and of which layer', async (t) => {
  const { parts, checkpoint } = await writtenModel(t, await writableTiny(t, 'gpt_neox'));
  const qkv = parts.find(({ name }) => name === 'blk.1.attn_qkv.weight');
  t.equal(qkv?.layer, 1);
  t.same(
    qkv?.sources.map(({ name }) => name),
    ['gpt_neox.layers.1.attention.query_key_value.weight'],
  );
  t.same(
    [...(qkv?.order ?? [])].sort((a, b) => a - b),
    Array.from({ length: 192 }, (_, i) => i),
  );
  t.same(unusedTensors(checkpoint, parts), []);
  t.same(
    unusedTensors(
      checkpoint,
      parts.filter((part) => part !== qkv),
    ),
    qkv?.sources.map(({ name }) => name),
  );
});

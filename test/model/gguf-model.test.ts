import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { writableTiny, writtenModel } from '../support/gguf-written.js';
import { copyTinyModel, editConfig } from '../support/models.js';

t.test('a model that GGUF has no key for is refused with what a file would say', async (t) => {
  const cases = [
    ['smollm3', {}, /ropes\.1\.type: "none", but a GGUF file of smollm3 would be read as "default"/],
    ['qwen3_moe', {}, /experts\.\S+: \S+ but a GGUF file/],
    ['gemma3', { layer_types: Array(6).fill('full_attention') }, /ropes\.0\.theta: 1000000/],
    [
      'qwen2',
      { use_sliding_window: true, sliding_window: 16, layer_types: Array(3).fill('sliding_attention') },
      /slidingWindows/,
    ],
    ['llama', { hidden_act: 'gelu' }, /activation: "gelu"/],
  ] as const;
  for (const [model, changes, message] of cases) {
    const dir = await copyTinyModel(t, model);
    await editConfig(dir, changes);
    await t.rejects(writtenModel(t, dir), { name: 'CheckpointError', message }, model);
  }
});

t.test('the file says what it is, and notes tell what a reader may not expect', async (t) => {
  const { keys, notes } = await writtenModel(t, await writableTiny(t, 'llama'));
  t.match(keys, { 'general.architecture': 'llama', 'general.type': 'model', 'general.name': 'tiny' });
  t.same(notes, []);
  const mistral = await writtenModel(t, await writableTiny(t, 'mistral'));
  t.match(mistral.notes, [/llama\.cpp reads no window of llama: it lets each token see more than 24 others/]);
  const tied = await writtenModel(t, await writableTiny(t, 'gpt_oss'));
  t.match(tied.notes, [/llama\.cpp does not load gpt-oss whose output matrix is the embedding/]);
});

t.test('tensors that the model does not read are left out, and named', async (t) => {
  const dir = await copyTinyModel(t, 'llama');
  const file = join(dir, 'config.json');
  const config = (await readFile(file, 'utf8')).replace(
    '"tie_word_embeddings": false',
    '"tie_word_embeddings": true',
  );
  await writeFile(file, config);
  const { parts, notes } = await writtenModel(t, dir);
  t.notOk(parts.some(({ name }) => name === 'output.weight'));
  t.match(notes, [/left out, as the model does not read them: lm_head\.weight/]);
});

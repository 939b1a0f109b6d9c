import t from 'tap';
import { openWeights } from '#halflight/checkpoint/open.js';
import { fixture } from '../support/paths.js';
import { tinyDir } from '../support/tiny.js';

t.test('a model is a directory or a GGUF file', async (t) => {
  const directory = await openWeights(tinyDir('qwen2'));
  t.ok(directory.tensors.has('model.norm.weight'));
  await directory.close();
  const file = await openWeights(fixture('gguf/blocks.gguf'));
  t.equal(file.tensors.get('Q4_K.weight')?.dtype, 'Q4_K');
  await file.close();
});

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { loadArchitectures } from '#halflight/model/architectures.js';
import { root } from '../support/paths.js';

t.test('the packaged architectures load, and no two claim the same name', async (t) => {
  const architectures = await loadArchitectures();
  const names = architectures.flatMap((architecture) => architecture.architectures);
  t.equal(new Set(names).size, names.length);
  for (const name of ['LlamaForCausalLM', 'MistralForCausalLM', 'Qwen2ForCausalLM', 'Qwen3ForCausalLM']) {
    t.ok(names.includes(name), name);
  }
});

t.test('a new file in the folder is a new architecture', async (t) => {
  const llama = JSON.parse(await readFile(join(root, 'models/architectures/llama.json'), 'utf8'));
  const dir = t.testdir({
    'other.json': JSON.stringify({ ...llama, architectures: ['OtherForCausalLM'] }),
    'README.md': '',
  });
  const [other] = await loadArchitectures(dir);
  t.equal(other.name, 'other');
  t.strictSame(other.architectures, ['OtherForCausalLM']);
  const broken = [
    { ...llama, slidingWindow: 'some' },
    { ...llama, modules: { ...llama.modules, q: 'layers.q_proj' } },
    { ...llama, modules: { ...llama.modules, qNorm: 'layers.{layer}.q_norm' } },
    { ...llama, biases: {} },
  ];
  for (const value of broken) {
    await writeFile(join(dir, 'other.json'), JSON.stringify(value));
    await t.rejects(loadArchitectures(dir), { name: 'CheckpointError', message: /other\.json: / });
  }
});

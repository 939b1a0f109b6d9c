import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { CheckpointError } from '#halflight/errors.js';
import { openAdapter } from '#halflight/model/lora-adapter.js';
import { temporaryFolder } from '../support/models.js';
import { fixture } from '../support/paths.js';

async function edited(t: Test, changes: object): Promise<string> {
  const dir = await temporaryFolder(t);
  await cp(fixture('lora/llama/one'), dir, { recursive: true });
  const file = join(dir, 'adapter_config.json');
  const config = JSON.parse(await readFile(file, 'utf8')) as object;
  await writeFile(file, JSON.stringify({ ...config, ...changes }));
  return dir;
}

t.test('an adapter has its tensors and its scale', async (t) => {
  const adapter = await openAdapter(fixture('lora/llama/one'));
  t.ok(adapter.checkpoint.tensors.has('base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight'));
  t.equal(adapter.scaleOf('model.layers.0.self_attn.q_proj', 4), 2);
  await adapter.checkpoint.close();
});

t.test('scales go by the root of the rank, or by modules of their own, where that is said', async (t) => {
  const rooted = await openAdapter(await edited(t, { use_rslora: true, lora_alpha: 6 }));
  t.equal(rooted.scaleOf('x', 9), 2);
  const own = await openAdapter(await edited(t, { alpha_pattern: { q_proj: 16 } }));
  t.equal(own.scaleOf('model.layers.0.self_attn.q_proj', 4), 4);
  t.equal(own.scaleOf('model.layers.0.self_attn.my_q_proj', 4), 2);
  for (const { checkpoint } of [rooted, own]) await checkpoint.close();
});

t.test('what is more than low-rank factors is refused by its field', async (t) => {
  for (const [changes, field] of [
    [{ peft_type: 'IA3' }, 'peft_type'],
    [{ use_dora: true }, 'use_dora'],
    [{ bias: 'all' }, 'bias'],
    [{ modules_to_save: ['lm_head'] }, 'modules_to_save'],
    [{ lora_alpha: 'much' }, 'lora_alpha'],
    [{ alpha_pattern: 3 }, 'alpha_pattern'],
    [{ alpha_pattern: { q_proj: 'much' } }, 'alpha_pattern.q_proj'],
  ] as const) {
    const opened = openAdapter(await edited(t, changes));
    await t.rejects(opened, { name: 'CheckpointError', field }, field);
  }
  await t.rejects(openAdapter(fixture('tiny/llama')), CheckpointError, 'no adapter at all');
});

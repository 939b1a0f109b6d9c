import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { fixture, root } from './paths.js';

export const fable = join(root, 'models', 'fable');

/** A folder that goes with the test. */
export async function temporaryFolder(t: Test): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'halflight-test-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** A copy of a tiny random model, with the bundled model's tokenizer, to break. */
export async function copyTinyModel(t: Test, name = 'llama'): Promise<string> {
  const dir = await temporaryFolder(t);
  for (const file of ['config.json', 'generation_config.json', 'model.safetensors']) {
    await cp(fixture(`tiny/${name}/${file}`), join(dir, file));
  }
  for (const file of ['tokenizer.json', 'tokenizer_config.json'])
    await cp(join(fable, file), join(dir, file));
  return dir;
}

export async function editConfig(dir: string, changes: Readonly<Record<string, unknown>>): Promise<void> {
  const file = join(dir, 'config.json');
  const config = JSON.parse(await readFile(file, 'utf8')) as object;
  await writeFile(file, JSON.stringify({ ...config, ...changes }));
}

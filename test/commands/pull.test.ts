import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { findModel, modelName } from '#halflight/commands/model-options.js';
import { runPull } from '#halflight/commands/pull.js';
import { printed, refuses } from '../support/commands.js';
import { MODEL, TOKEN } from '../support/hub.js';
import { COMMIT, type HubServer, startHub } from '../support/hub-server.js';
import { temporaryFolder } from '../support/models.js';

const PLAIN = { 'gguf-file': null, 'local-files-only': false };

/** A hub that this process takes for the only one, with an empty cache. */
async function useHub(t: Test): Promise<HubServer & { readonly cacheDir: string }> {
  const hub = await startHub(t, MODEL);
  const home = await temporaryFolder(t);
  const variables = { HF_ENDPOINT: hub.endpoint, HF_HOME: home, HF_TOKEN: TOKEN };
  for (const [name, value] of Object.entries(variables)) {
    const before = process.env[name];
    process.env[name] = value;
    t.teardown(() => {
      if (before === undefined) delete process.env[name];
      else process.env[name] = before;
    });
  }
  t.capture(process.stderr, 'write', () => true);
  return Object.assign(hub, { cacheDir: join(home, 'hub') });
}

t.test('pull prints where the model is, and no command asks for it again', async (t) => {
  const { cacheDir, requests } = await useHub(t);
  const dir = join(cacheDir, 'models--org--name/snapshots', COMMIT);
  t.equal(await printed(t, () => runPull(['org/name'])), `${dir}\n`);
  const before = requests.length;
  t.equal(await printed(t, () => runPull(['org/name@main', '--local-files-only'])), `${dir}\n`);
  t.equal(await findModel(['org/name'], { ...PLAIN, 'local-files-only': true }), dir);
  t.equal(requests.length, before);
  t.equal(modelName(dir), 'org/name');
});

t.test('a MODEL that is no path is fetched from the hub', async (t) => {
  const { cacheDir } = await useHub(t);
  const dir = await findModel(['org/name@v1'], PLAIN);
  t.equal(dir, join(cacheDir, 'models--org--name/snapshots', COMMIT));
  t.strictSame((await readdir(dir)).sort(), ['config.json', 'model.safetensors', 'tokenizer.json']);
});

t.test('a MODEL that is a path, or neither, asks no hub', async (t) => {
  const { requests } = await useHub(t);
  t.equal(await findModel(['models/fable'], PLAIN), join(process.cwd(), 'models/fable'));
  t.match(modelName(await findModel([], PLAIN)), 'fable');
  await refuses(t, () => findModel(['/nowhere'], PLAIN), /^MODEL: \/nowhere: no such directory/);
  await refuses(t, () => findModel(['a/b/c'], PLAIN), /^MODEL: a\/b\/c: no such directory/);
  await refuses(t, () => findModel(['a/b', 'c/d'], PLAIN), /^MODEL: one at a time, but got a\/b c\/d$/);
  const picking = { ...PLAIN, 'gguf-file': 'm.gguf' };
  await refuses(
    t,
    () => findModel(['models/fable'], picking),
    /^--gguf-file: picks a file of a repository, but MODEL/,
  );
  t.strictSame(requests, []);
});

t.test('pull takes one repository', async (t) => {
  for (const args of [[], ['m.gguf'], ['/etc/x'], ['org/name@../x'], ['a/b', 'c/d']])
    await refuses(
      t,
      () => runPull(args),
      /^pull: takes one repository such as org\/name, org\/name@revision or gpt2, not "/,
    );
});

import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { runServe } from '#halflight/commands/serve.js';
import { refuses } from '../support/commands.js';
import { copyTinyModel } from '../support/models.js';

// What it does when all is well is shown in test/integration/server.test.ts.

t.test('an address that others reach needs a key, or the word that none is wanted', async (t) => {
  await refuses(
    t,
    () => runServe(['--host', '0.0.0.0']),
    /^--host: 0\.0\.0\.0 is reachable by others; give --api-key/,
  );
  const file = join(t.testdir({ keys: 'ann: secret' }), 'keys');
  for (const args of [['--api-key', 'k'], ['--api-key-file', file], ['--insecure-no-auth']]) {
    await refuses(
      t,
      () => runServe(['--host', '192.0.2.1', ...args]),
      /^--host: .* is no address of this machine/,
    );
  }
});

t.test('a port that is in use is refused before the model is loaded', async (t) => {
  const other = createServer();
  t.teardown(() => other.close());
  await once(other.listen(0, '127.0.0.1'), 'listening');
  const { port } = other.address() as AddressInfo;
  await refuses(t, () => runServe(['--port', String(port)]), new RegExp(`^--port: ${port} is in use`));
});

t.test('all that a model folder lacks is said at once', async (t) => {
  const dir = await copyTinyModel(t);
  await rm(join(dir, 'tokenizer.json'));
  await rm(join(dir, 'model.safetensors'));
  await t.rejects(runServe([dir, '--port', '0']), { message: /tokenizer\.json, \*\.safetensors: missing\./ });
});

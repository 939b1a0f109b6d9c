import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { ServerProcess } from '#halflight/bench/compare/server-process.js';
import { refuses } from '../../support/commands.js';
import { temporaryFolder } from '../../support/models.js';

async function program(t: Parameters<typeof temporaryFolder>[0], code: string): Promise<string> {
  const file = join(await temporaryFolder(t), 'cli.mjs');
  await writeFile(file, code);
  return file;
}

t.test('a server is ready when it tells its address, and ends when it is stopped', async (t) => {
  const cli = await program(
    t,
    `console.log('hi'); console.log('  url       http://127.0.0.1:7/' + process.argv.slice(2).join(' ').length);
    setInterval(() => {}, 1000);`,
  );
  const server = await ServerProcess.start(cli, ['model']);
  // serve model --host 127.0.0.1 --port 0
  t.equal(server.url, 'http://127.0.0.1:7/37');
  const before = process.listenerCount('SIGTERM');
  await server.stop();
  t.ok(server.child.signalCode === 'SIGTERM' || server.child.exitCode !== null);
  t.equal(process.listenerCount('SIGTERM'), before - 1, 'and leaves no listener');
  await server.stop();
});

t.test('one that does not start tells why', async (t) => {
  const failing = await program(t, `console.error('halflight: MODEL: no such thing'); process.exit(1);`);
  await refuses(
    t,
    () => ServerProcess.start(failing, []),
    /^a server ended with exit code 1: MODEL: no such thing$/,
  );
  const silent = await program(t, 'setInterval(() => {}, 1000);');
  await refuses(
    t,
    () => ServerProcess.start(silent, [], 300),
    /^a server did not start within 0\.3 s: it said nothing$/,
  );
});

t.test('where Node itself cannot be started, that is told', async (t) => {
  t.intercept(process, 'execPath', { value: join(await temporaryFolder(t), 'node') });
  await refuses(
    t,
    () => ServerProcess.start('cli.mjs', []),
    /^a server could not be started \(spawn .*node ENOENT\): it said nothing$/,
  );
});

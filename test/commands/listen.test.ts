import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { Writable } from 'node:stream';
import t, { type Test } from 'tap';
import { checkAddress, listen } from '#halflight/commands/listen.js';
import { createLogger } from '#halflight/logger.js';
import { refuses } from '../support/commands.js';
import { testServer } from '../support/server.js';

const host = '127.0.0.1';

async function takenPort(t: Test): Promise<number> {
  const server = createServer();
  t.teardown(() => server.close());
  await once(server.listen(0, host), 'listening');
  return (server.address() as AddressInfo).port;
}

t.test('an address that can be had passes, and stays free', async (t) => {
  await checkAddress({ host, port: 0 });
  const app = testServer();
  t.teardown(() => app.close());
  t.match(await listen(app, { host, port: 0 }), /^http:\/\/127\.0\.0\.1:\d+$/);
});

t.test('a port that another process has is refused before and while listening', async (t) => {
  const port = await takenPort(t);
  const line = new RegExp(`^--port: ${port} is in use; choose another`);
  await refuses(t, () => checkAddress({ host, port }), line);
  await refuses(t, () => listen(testServer(), { host, port }), line);
});

t.test('a host that is not this machine’s is refused', (t) =>
  refuses(
    t,
    () => checkAddress({ host: '192.0.2.1', port: 0 }),
    /^--host: 192\.0\.2\.1 is no address of this/,
  ),
);

t.test('listening writes no line of its own and leaves the log’s level', async (t) => {
  const lines: string[] = [];
  const destination = new Writable({ write: (line, _encoding, done) => done(void lines.push(String(line))) });
  const app = testServer({ logger: createLogger({ level: 'info', destination }) });
  t.teardown(() => app.close());
  await listen(app, { host, port: 0 });
  t.strictSame(lines, []);
  t.equal(app.log.level, 'info');
});

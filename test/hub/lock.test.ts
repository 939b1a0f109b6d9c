import { spawnSync } from 'node:child_process';
import { readdir, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { withLock } from '#halflight/hub/lock.js';
import { temporaryFolder } from '../support/models.js';

const TIMES = { pollMs: 5, renewMs: 20, staleMs: 60_000 };
const nobodyWaits = () => undefined;

t.test('one at a time, each of which the others wait for', async (t) => {
  const folder = join(await temporaryFolder(t), 'locks');
  let running = 0;
  let waits = 0;
  const work = async () => {
    t.equal(++running, 1);
    await sleep(30);
    running--;
  };
  await Promise.all([1, 2, 3, 4].map(() => withLock(folder, work, () => waits++, TIMES)));
  t.equal(waits, 3);
  t.strictSame(await readdir(folder), []);
});

t.test('the lock is free after a failure', async (t) => {
  const folder = await temporaryFolder(t);
  await t.rejects(
    withLock(folder, () => Promise.reject(new Error('broken')), nobodyWaits, TIMES),
    /broken/,
  );
  t.equal(await withLock(folder, async () => 'done', nobodyWaits, TIMES), 'done');
});

t.test('one of several takes the lock of a process that is gone', async (t) => {
  const folder = await temporaryFolder(t);
  const { pid } = spawnSync(process.execPath, ['--version']);
  await writeFile(join(folder, 'halflight.lock'), `${hostname()} ${pid}\nan-id\n`);
  let running = 0;
  const work = async () => {
    t.equal(++running, 1);
    await sleep(20);
    running--;
  };
  await Promise.all([1, 2, 3].map(() => withLock(folder, work, nobodyWaits, TIMES)));
  t.strictSame(await readdir(folder), []);
});

t.test('a lock of another host is waited for until it has not been renewed for long', async (t) => {
  const folder = await temporaryFolder(t);
  const file = join(folder, 'halflight.lock');
  await writeFile(file, 'elsewhere 1\nan-id\n');
  let taken = false;
  const done = withLock(folder, async () => (taken = true), nobodyWaits, TIMES);
  await sleep(50);
  t.notOk(taken);
  const longAgo = new Date(Date.now() - 2 * TIMES.staleMs);
  await utimes(file, longAgo, longAgo);
  await done;
  t.ok(taken);
});

t.test('an heir that has died is passed over', async (t) => {
  const folder = await temporaryFolder(t);
  const { pid } = spawnSync(process.execPath, ['--version']);
  for (const name of ['halflight.lock', 'halflight.lock.an-id'])
    await writeFile(join(folder, name), `${hostname()} ${pid}\nan-id\n`);
  t.equal(await withLock(folder, async () => 'done', nobodyWaits, TIMES), 'done');
});

t.test('work ends where its lock is lost', async (t) => {
  const folder = await temporaryFolder(t);
  const work = async (lost: AbortSignal) => {
    await writeFile(join(folder, 'halflight.lock'), 'elsewhere 1\nother\n');
    await sleep(60_000, undefined, { signal: lost }).catch(() => lost.throwIfAborted());
  };
  await t.rejects(withLock(folder, work, nobodyWaits, TIMES), {
    name: 'UserError',
    message: /another process has taken over/,
  });
  t.strictSame(await readdir(folder), ['halflight.lock'], 'the other’s lock stays');
});

import { chmod, lstat, mkdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import {
  cacheError,
  freeBytes,
  lockFolder,
  prepareCache,
  RepositoryCache,
  repositoryOf,
} from '#halflight/hub/cache.js';
import { refuses } from '../support/commands.js';
import { COMMIT } from '../support/hub-server.js';
import { temporaryFolder } from '../support/models.js';

const ETAG = 'e'.repeat(40);

async function cacheWithBlob(t: Test): Promise<RepositoryCache> {
  const cache = new RepositoryCache(await temporaryFolder(t), 'org/name');
  await mkdir(join(cache.folder, 'blobs'), { recursive: true });
  await writeFile(cache.blob(ETAG), 'content');
  return cache;
}

t.test('a snapshot’s files are relative links to blobs', async (t) => {
  const cache = await cacheWithBlob(t);
  await cache.link(COMMIT, 'config.json', ETAG);
  await cache.link(COMMIT, 'sub/x.gguf', ETAG);
  const snapshot = join(cache.cacheDir, 'models--org--name', 'snapshots', COMMIT);
  t.equal(await readlink(join(snapshot, 'config.json')), `../../blobs/${ETAG}`);
  t.equal(await readlink(join(snapshot, 'sub/x.gguf')), `../../../blobs/${ETAG}`);
  t.equal(await readFile(join(snapshot, 'sub/x.gguf'), 'utf8'), 'content');
  t.strictSame((await cache.files(COMMIT)).sort(), ['config.json', 'sub/x.gguf']);
  t.ok(await cache.hasFile(COMMIT, 'config.json', { etag: ETAG, size: 7 }));
  t.notOk(await cache.hasFile(COMMIT, 'config.json', { etag: ETAG, size: 8 }));
});

t.test('a link that stands there already is kept, one to elsewhere is replaced', async (t) => {
  const cache = await cacheWithBlob(t);
  const file = join(cache.snapshot(COMMIT), 'config.json');
  await cache.link(COMMIT, 'config.json', ETAG);
  const { ctimeMs } = await lstat(file);
  await cache.link(COMMIT, 'config.json', ETAG);
  t.equal((await lstat(file)).ctimeMs, ctimeMs);
  await symlink('/etc/passwd', join(cache.snapshot(COMMIT), 'other.json'));
  await cache.link(COMMIT, 'other.json', ETAG);
  t.equal(await readlink(join(cache.snapshot(COMMIT), 'other.json')), `../../blobs/${ETAG}`);
});

t.test('a folder that is a link out of the cache is refused', async (t) => {
  const cache = await cacheWithBlob(t);
  const outside = await temporaryFolder(t);
  await mkdir(cache.snapshot(COMMIT), { recursive: true });
  await symlink(outside, join(cache.snapshot(COMMIT), 'sub'));
  await refuses(
    t,
    () => cache.link(COMMIT, 'sub/x.gguf', ETAG),
    /sub: leads out of the cache, to .*; remove it$/,
  );
  await t.rejects(lstat(join(outside, 'x.gguf')));
});

t.test('a file that is a broken link is not there', async (t) => {
  const cache = await cacheWithBlob(t);
  await cache.link(COMMIT, 'config.json', 'f'.repeat(40));
  t.strictSame(await cache.files(COMMIT), []);
  t.strictSame(await cache.files('0'.repeat(40)), []);
});

t.test('a ref is a file with the commit, and a commit needs none', async (t) => {
  const cache = await cacheWithBlob(t);
  t.equal(await cache.readRef('main'), null);
  for (const revision of ['main', 'refs/pr/1']) {
    await cache.writeRef(revision, COMMIT);
    t.equal(await readFile(join(cache.folder, 'refs', revision), 'utf8'), COMMIT);
    t.equal(await cache.readRef(revision), COMMIT);
  }
  await cache.writeRef(COMMIT, COMMIT);
  t.equal(await cache.readRef(COMMIT), COMMIT);
  await t.rejects(lstat(join(cache.folder, 'refs', COMMIT)));
  await writeFile(join(cache.folder, 'refs', 'main'), '../../elsewhere');
  t.equal(await cache.readRef('main'), null);
});

t.test('a blob is there where it is a file of the right size', async (t) => {
  const cache = await cacheWithBlob(t);
  t.ok(await cache.has({ etag: ETAG, size: 7 }));
  t.notOk(await cache.has({ etag: ETAG, size: 6 }));
  await symlink(cache.blob(ETAG), cache.blob('f'.repeat(40)));
  t.notOk(await cache.has({ etag: 'f'.repeat(40), size: 7 }));
  t.equal(await cache.partSize({ etag: ETAG, size: 7 }), 0);
  await writeFile(cache.part(ETAG), 'con');
  t.equal(await cache.partSize({ etag: ETAG, size: 7 }), 3);
});

t.test('space is measured where the cache will be', async (t) => {
  const dir = await temporaryFolder(t);
  t.ok((await freeBytes(join(dir, 'not/yet/there'))) > 0);
});

t.test('a failure of the file system says where, and another error stays as it is', async (t) => {
  const dir = await temporaryFolder(t);
  const file = join(dir, 'file');
  await writeFile(file, '');
  await chmod(file, 0o600);
  const error: unknown = await prepareCache(join(file, 'hub')).catch((reason: unknown) =>
    cacheError(reason, dir),
  );
  t.match(error, {
    name: 'UserError',
    message: /file.hub: a file is where a folder should be; HF_HUB_CACHE names another/,
  });
  const own = new RangeError('ours');
  t.equal(cacheError(own, dir), own);
});

t.test('a path in the cache tells its repository', (t) => {
  t.equal(repositoryOf(`/x/models--org--my-name_1.5/snapshots/${COMMIT}`), 'org/my-name_1.5');
  t.equal(repositoryOf(`/x/models--org--name/snapshots/${COMMIT}/sub/m.gguf`), 'org/name');
  t.equal(repositoryOf(`/x/models--gpt2/snapshots/${COMMIT}`), 'gpt2');
  t.equal(repositoryOf('/x/models/fable'), null);
  t.equal(lockFolder('/x', 'org/name'), '/x/.locks/models--org--name');
  t.end();
});

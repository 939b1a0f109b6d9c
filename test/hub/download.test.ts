import { lstat, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { RepositoryCache } from '#halflight/hub/cache.js';
import { download } from '#halflight/hub/download.js';
import { refuses } from '../support/commands.js';
import { clientOf, MODEL, never } from '../support/hub.js';
import { COMMIT, etagOf, type HubFile, type HubServer, refuse, startHub } from '../support/hub-server.js';
import { temporaryFolder } from '../support/models.js';

const WEIGHTS = 'model.safetensors';
const HALF = 1_500_000;

async function setUp(t: Test) {
  const hub = await startHub(t, MODEL);
  const cache = new RepositoryCache(await temporaryFolder(t), 'org/name');
  await mkdir(join(cache.folder, 'blobs'), { recursive: true });
  const fetchFile = async (path = WEIGHTS) => {
    const bytes: number[] = [];
    const file = fileOf(hub, path);
    const blob = { etag: etagOf(file), size: file.content.length };
    await download(clientOf(hub), cache, { path, commit: COMMIT, blob }, (count) => bytes.push(count), never);
    return bytes;
  };
  return { hub, cache, fetchFile, etag: etagOf(fileOf(hub, WEIGHTS)) };
}

function fileOf(hub: HubServer, path: string): HubFile {
  const file = hub.files.get(path);
  if (file === undefined) throw new Error(`no ${path}`);
  return file;
}

const blobRequests = (hub: HubServer) => hub.requests.filter((request) => request.includes('/blob/'));

t.test('large and small files come whole, under their checksum', async (t) => {
  const { hub, cache, fetchFile } = await setUp(t);
  for (const path of [WEIGHTS, 'config.json']) {
    const bytes = await fetchFile(path);
    const { content } = fileOf(hub, path);
    t.ok((await readFile(cache.blob(etagOf(fileOf(hub, path))))).equals(content));
    t.equal(bytes.at(-1), content.length);
  }
  t.equal((await readdir(join(cache.folder, 'blobs'))).length, 2, 'no part is left');
  t.strictSame(hub.keys.storage, ['none'], 'no token went to the storage host');
});

t.test('an empty file needs no request', async (t) => {
  const { hub, cache, fetchFile } = await setUp(t);
  hub.files.set('merges.txt', { content: Buffer.alloc(0), large: false });
  await fetchFile('merges.txt');
  t.equal(
    (await readFile(cache.blob('e69de29bb2d1d6434b8b29ae775ad8c2e48c5391'))).length,
    0,
    'Git’s own name for it',
  );
  t.strictSame(hub.requests, []);
});

t.test('a part is gone on with', async (t) => {
  const { hub, cache, fetchFile, etag } = await setUp(t);
  await writeFile(cache.part(etag), MODEL[WEIGHTS].subarray(0, HALF));
  const bytes = await fetchFile();
  t.strictSame(blobRequests(hub), [`GET /blob/${etag} bytes=${HALF}-`]);
  t.ok(bytes.includes(HALF));
  t.ok((await readFile(cache.blob(etag))).equals(MODEL[WEIGHTS]));
});

t.test('a part that is whole is verified without a request', async (t) => {
  const { hub, cache, fetchFile, etag } = await setUp(t);
  await writeFile(cache.part(etag), MODEL[WEIGHTS]);
  await fetchFile();
  t.strictSame(hub.requests, []);
  t.ok(await cache.has({ etag, size: MODEL[WEIGHTS].length }));
});

t.test('a server that ignores ranges, or has no such range, starts anew', async (t) => {
  for (const answer of ['all', 'refusal', 'another range'] as const) {
    const { hub, cache, fetchFile, etag } = await setUp(t);
    await writeFile(cache.part(etag), MODEL[WEIGHTS].subarray(0, HALF));
    hub.fault = ({ url, headers }, response) => {
      if (!url?.startsWith('/blob/') || headers.range === undefined) return false;
      if (answer === 'refusal') refuse(response, 416);
      if (answer === 'another range') response.writeHead(206, { 'content-range': 'bytes 7-9/10' });
      if (!response.writableEnded) response.end(answer === 'all' ? MODEL[WEIGHTS] : 'abc');
      return true;
    };
    const bytes = await fetchFile();
    t.ok(bytes.includes(0), answer);
    t.ok((await readFile(cache.blob(etag))).equals(MODEL[WEIGHTS]), answer);
  }
});

t.test('a part longer than its file, or that is a link, is not gone on with', async (t) => {
  const { cache, fetchFile, etag } = await setUp(t);
  await writeFile(cache.part(etag), Buffer.alloc(MODEL[WEIGHTS].length + 1));
  await fetchFile();
  const outside = join(await temporaryFolder(t), 'outside');
  await writeFile(outside, 'mine');
  const config = await setUp(t);
  const small = etagOf(fileOf(config.hub, 'config.json'));
  await symlink(outside, config.cache.part(small));
  await config.fetchFile('config.json');
  t.equal(await readFile(outside, 'utf8'), 'mine');
  t.ok((await lstat(config.cache.blob(small))).isFile());
});

t.test('an answer that is cut short is gone on with where it ended, as often as bytes come', async (t) => {
  const { hub, cache, fetchFile, etag } = await setUp(t);
  hub.fault = ({ url, headers }, response) => {
    if (!url?.startsWith('/blob/')) return false;
    const from = Number(/\d+/.exec(headers.range ?? '')?.[0] ?? 0);
    const { length } = MODEL[WEIGHTS];
    const range = { 'content-range': `bytes ${from}-${length - 1}/${length}` };
    response.writeHead(from > 0 ? 206 : 200, { 'content-length': length - from, ...(from > 0 ? range : {}) });
    response.write(MODEL[WEIGHTS].subarray(from, from + 400_000), () => response.destroy());
    return true;
  };
  await fetchFile();
  t.ok((await readFile(cache.blob(etag))).equals(MODEL[WEIGHTS]));
  t.ok(blobRequests(hub).length >= 8, `${blobRequests(hub).length} requests`);
});

t.test(
  'a body that ends too soon though it says it is whole is an error after three tries, and its part is kept',
  async (t) => {
    const { hub, cache, fetchFile, etag } = await setUp(t);
    hub.fault = ({ url, headers }, response) => {
      if (!url?.startsWith('/blob/')) return false;
      const { length } = MODEL[WEIGHTS];
      if (headers.range !== undefined)
        response.writeHead(206, { 'content-range': `bytes ${HALF}-${length - 1}/${length}` });
      response.end(headers.range === undefined ? MODEL[WEIGHTS].subarray(0, HALF) : '');
      return true;
    };
    await refuses(
      t,
      fetchFile,
      /^org\/name: model\.safetensors: ended after 1500000 of 3000000 bytes, also after 3 tries/,
    );
    t.equal((await lstat(cache.part(etag))).size, HALF);
  },
);

t.test('errors of the server are tried three times', async (t) => {
  const { hub, fetchFile } = await setUp(t);
  const failing = (failures: number) => {
    let count = 0;
    hub.fault = ({ url }, response) => {
      if (!url?.startsWith('/blob/') || ++count > failures) return false;
      refuse(response, [500, 403, 429][count % 3], '', { 'retry-after': '0' });
      return true;
    };
  };
  failing(3);
  await refuses(t, fetchFile, /^org\/name: model\.safetensors: .*also after 3 tries/);
  failing(2);
  await fetchFile();
});

t.test('what does not have the checksum is deleted, and the file named', async (t) => {
  for (const [path, kind] of [
    [WEIGHTS, /SHA-256/],
    ['config.json', /Git SHA-1/],
  ] as const) {
    const { hub, cache, fetchFile } = await setUp(t);
    const { content } = fileOf(hub, path);
    hub.fault = ({ url }, response) => {
      if (!/\/blob\/|config\.json/.test(url ?? '')) return false;
      const wrong = Buffer.from(content);
      wrong[0] ^= 1;
      response.end(wrong);
      return true;
    };
    await refuses(
      t,
      () => fetchFile(path),
      new RegExp(`^org/name: ${path}: what came does not have the ${kind.source} .* deleted`),
    );
    t.strictSame(await readdir(join(cache.folder, 'blobs')), []);
  }
});

t.test('a file that is longer than it should be is not kept', async (t) => {
  const { hub, cache, fetchFile, etag } = await setUp(t);
  hub.fault = ({ url }, response) => {
    if (!url?.startsWith('/blob/')) return false;
    response.write(MODEL[WEIGHTS]);
    response.end('more');
    return true;
  };
  await refuses(t, fetchFile, /^org\/name: model\.safetensors: the server sends more than the 3000000 bytes/);
  t.equal((await lstat(cache.part(etag))).size, 0);
});

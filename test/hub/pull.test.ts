import { mkdir, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import t from 'tap';
import { RepositoryCache } from '#halflight/hub/cache.js';
import type { Repository } from '#halflight/hub/names.js';
import { type PullOptions, pull } from '#halflight/hub/pull.js';
import { refuses } from '../support/commands.js';
import { MODEL, pullOptions, TOKEN } from '../support/hub.js';
import { COMMIT, etagOf, type HubServer, listingOf, refuse, startHub } from '../support/hub-server.js';
import { temporaryFolder } from '../support/models.js';

const MAIN: Repository = { id: 'org/name', revision: 'main', quantization: null };
const NEEDED = ['config.json', 'model.safetensors', 'tokenizer.json'];

const downloads = ({ requests }: HubServer) => requests.filter((request) => request.includes('/resolve/'));
const offline = (options: PullOptions) => ({ ...options, settings: { ...options.settings, offline: true } });

t.test('what is needed comes into the layout that Hugging Face’s tools share', async (t) => {
  const hub = await startHub(t, MODEL);
  const options = await pullOptions(t, hub);
  const dir = await pull(MAIN, options);
  const folder = join(options.settings.cacheDir, 'models--org--name');
  t.equal(dir, join(folder, 'snapshots', COMMIT));
  t.strictSame((await readdir(dir)).sort(), NEEDED);
  for (const name of NEEDED) {
    const file = hub.files.get(name);
    t.equal(await readlink(join(dir, name)), `../../blobs/${file && etagOf(file)}`);
    t.ok((await readFile(join(dir, name))).equals(file?.content ?? Buffer.alloc(0)), name);
  }
  t.equal(await readFile(join(folder, 'refs/main'), 'utf8'), COMMIT);
  t.equal((await readdir(join(folder, 'blobs'))).length, NEEDED.length);
  t.strictSame(await readdir(join(options.settings.cacheDir, '.locks/models--org--name')), []);
});

t.test('the token goes to the endpoint alone', async (t) => {
  const hub = await startHub(t, MODEL);
  await pull(MAIN, await pullOptions(t, hub));
  t.ok(hub.keys.endpoint.length >= 4 && hub.keys.endpoint.every((key) => key === `Bearer ${TOKEN}`));
  t.strictSame(hub.keys.storage, ['none']);
});

t.test('progress counts the bytes of all files to their sum', async (t) => {
  const hub = await startHub(t, MODEL);
  const options = await pullOptions(t, hub);
  await pull(MAIN, options);
  const total = NEEDED.reduce((sum, name) => sum + (hub.files.get(name)?.content.length ?? 0), 0);
  t.strictSame(options.progress.at(-1), [total, total]);
  t.ok(options.progress.length > 3);
  t.ok(options.progress.every(([done], i, all) => done >= (all[i - 1]?.[0] ?? 0)));
});

t.test('what is there is not fetched again: the listing alone, and for a commit nothing', async (t) => {
  const hub = await startHub(t, MODEL);
  const options = await pullOptions(t, hub);
  const dir = await pull(MAIN, options);
  const before = hub.requests.length;
  t.equal(await pull(MAIN, options), dir);
  t.equal(hub.requests.length, before + 1);
  t.equal(await pull({ ...MAIN, revision: COMMIT }, options), dir);
  t.equal(hub.requests.length, before + 1);
  t.equal(await pull({ ...MAIN, revision: 'v1' }, options), dir);
  t.equal(downloads(hub).length, NEEDED.length);
});

t.test('a blob of the wrong size is fetched again', async (t) => {
  const hub = await startHub(t, MODEL);
  const options = await pullOptions(t, hub);
  const file = join(await pull(MAIN, options), 'config.json');
  await writeFile(file, 'cut');
  await pull(MAIN, options);
  t.equal(await readFile(file, 'utf8'), MODEL['config.json']);
});

t.test('four files come at once, and no more', async (t) => {
  const shards = Array.from({ length: 8 }, (_, i) => `model-0000${i + 1}-of-00008.safetensors`);
  const files = Object.fromEntries(shards.map((name) => [name, Buffer.from(name)]));
  const hub = await startHub(t, { 'config.json': '{}', 'model.safetensors.index.json': '{}', ...files });
  let running = 0;
  let most = 0;
  hub.fault = ({ url }, response) => {
    if (!url?.startsWith('/blob/')) return false;
    most = Math.max(most, ++running);
    const file = [...hub.files.values()].find((file) => url.endsWith(etagOf(file)));
    setTimeout(() => {
      running--;
      response.end(file?.content);
    }, 30);
    return true;
  };
  await pull(MAIN, await pullOptions(t, hub));
  t.equal(most, 4);
});

t.test('two files of the same content are fetched once', async (t) => {
  const hub = await startHub(t, { ...MODEL, 'generation_config.json': MODEL['config.json'] });
  const dir = await pull(MAIN, await pullOptions(t, hub));
  t.equal(await readFile(join(dir, 'generation_config.json'), 'utf8'), MODEL['config.json']);
  t.equal(downloads(hub).length, 3);
});

t.test('two pulls at once fetch each file once', async (t) => {
  const hub = await startHub(t, MODEL);
  const options = await pullOptions(t, hub);
  const [first, second] = await Promise.all([pull(MAIN, options), pull(MAIN, options)]);
  t.equal(first, second);
  t.equal(downloads(hub).length, NEEDED.length);
  t.match(options.notes, [/^org\/name: another process is fetching it; waiting$/]);
});

t.test('a GGUF file is one file, by name or quantization', async (t) => {
  const hub = await startHub(t, { 'm-Q4_K_M.gguf': 'four', 'm-Q8_0.gguf': 'eight', 'config.json': '{}' });
  const options = await pullOptions(t, hub);
  const file = await pull({ ...MAIN, quantization: 'Q4_K_M' }, options);
  t.equal(await readFile(file, 'utf8'), 'four');
  t.strictSame(await readdir(dirname(file)), ['m-Q4_K_M.gguf']);
  t.equal(await pull(MAIN, { ...options, ggufFile: 'm-Q8_0.gguf' }), join(dirname(file), 'm-Q8_0.gguf'));
  const twice = { ...MAIN, quantization: 'Q8_0' };
  await refuses(
    t,
    () => pull(twice, { ...options, ggufFile: 'm-Q8_0.gguf' }),
    /^--gguf-file: .*give one of the two$/,
  );
  await refuses(t, () => pull(MAIN, options), /several GGUF files; .*: m-Q4_K_M\.gguf, m-Q8_0\.gguf$/);
});

t.test('without the network the cache serves what it has', async (t) => {
  const hub = await startHub(t, MODEL);
  const options = await pullOptions(t, hub);
  await refuses(
    t,
    () => pull(MAIN, offline(options)),
    /^org\/name: revision main is not in the cache .*HF_HUB_OFFLINE is set/,
  );
  await refuses(t, () => pull(MAIN, { ...options, localFilesOnly: true }), /--local-files-only is given/);
  t.strictSame(hub.requests, []);
  const dir = await pull(MAIN, options);
  const before = hub.requests.length;
  t.equal(await pull(MAIN, offline(options)), dir);
  t.equal(await pull({ ...MAIN, revision: COMMIT }, { ...options, localFilesOnly: true }), dir);
  await refuses(
    t,
    () => pull({ ...MAIN, revision: 'v1' }, offline(options)),
    /revision v1 is not in the cache/,
  );
  await rm(join(dir, 'model.safetensors'));
  await refuses(t, () => pull(MAIN, offline(options)), /^org\/name: has no weights/);
  t.equal(hub.requests.length, before);
});

t.test('where the hub does not answer, the cache serves too, and says so', async (t) => {
  const hub = await startHub(t, MODEL);
  const options = await pullOptions(t, hub);
  hub.fault = (_, response) => {
    refuse(response, 500);
    return true;
  };
  await refuses(
    t,
    () => pull(MAIN, options),
    /^org\/name: revision main: the server answers 500, also after 3 tries/,
  );
  hub.fault = () => false;
  const dir = await pull(MAIN, options);
  hub.fault = (_, response) => Boolean(response.destroy());
  t.equal(await pull(MAIN, options), dir);
  t.match(options.notes, [/connection failed .*; taking .* from the cache$/]);
});

t.test('a refusal by the hub is told, and the cache does not stand in for it', async (t) => {
  const hub = await startHub(t, MODEL);
  const options = await pullOptions(t, hub);
  await pull(MAIN, options);
  await refuses(
    t,
    () => pull({ ...MAIN, revision: 'v2' }, options),
    /^org\/name: has no revision v2 \(404\)/,
  );
  await refuses(
    t,
    () => pull({ ...MAIN, id: 'no/such' }, options),
    /^no\/such: neither a folder here nor a public repository .*\(401\)/,
  );
  for (const [status, code, message] of [
    [401, 'GatedRepo', /accept its terms at http/],
    [403, 'GatedRepo', /accept its terms at http/],
    [404, '', /check the name/],
  ] as const) {
    hub.fault = (_, response) => {
      refuse(response, status, code);
      return true;
    };
    await refuses(t, () => pull(MAIN, options), message);
  }
});

t.test('a short wait that the server asks for is kept, a long one is told', async (t) => {
  const hub = await startHub(t, MODEL);
  let count = 0;
  const limit = (seconds: number) => {
    count = 0;
    hub.fault = (_, response) => {
      if (count++ > 0) return false;
      refuse(response, 429, '', { 'retry-after': seconds });
      return true;
    };
  };
  limit(1);
  const start = performance.now();
  await pull(MAIN, await pullOptions(t, hub));
  // Timers may fire a millisecond early.
  t.ok(performance.now() - start > 998);
  limit(100);
  const options = await pullOptions(t, hub);
  await refuses(t, () => pull(MAIN, options), /too many requests \(429\): try again in 100 seconds/);
});

t.test('one file that fails ends the others, whose parts are kept', async (t) => {
  const hub = await startHub(t, MODEL);
  const options = await pullOptions(t, hub);
  hub.fault = ({ url }, response) => {
    if (url?.startsWith('/blob/')) response.write(MODEL['model.safetensors'].subarray(0, 100_000));
    else if (url?.endsWith('tokenizer.json')) setTimeout(() => refuse(response, 404, 'EntryNotFound'), 100);
    else return false;
    return true;
  };
  await refuses(t, () => pull(MAIN, options), /^org\/name: has no tokenizer\.json \(404\)$/);
  const blobs = await readdir(join(options.settings.cacheDir, 'models--org--name/blobs'));
  t.equal(
    blobs.filter((name) => name.endsWith('.incomplete')).length,
    2,
    'of the weights, and of the file itself',
  );
  await t.rejects(readdir(join(options.settings.cacheDir, 'models--org--name/snapshots')));
  hub.fault = () => false;
  await pull(MAIN, options);
  t.ok(
    hub.requests.some((request) => request.endsWith('bytes=100000-')),
    'the part is gone on with',
  );
});

t.test('too little room is told before anything is fetched', async (t) => {
  const hub = await startHub(t, MODEL);
  const options = await pullOptions(t, hub, { freeBytes: async () => 2_000_000 });
  await refuses(
    t,
    () => pull(MAIN, options),
    /^org\/name: needs 0\.00 GB in .*, where 0\.00 GB are free; make room, or set HF_HUB_CACHE/,
  );
  t.strictSame(downloads(hub), []);
  const cache = new RepositoryCache(options.settings.cacheDir, 'org/name');
  const { content } = hub.files.get('model.safetensors') ?? { content: Buffer.alloc(0) };
  await writeFile(cache.part(etagOf({ content, large: true })), content.subarray(0, 2_000_000));
  await pull(MAIN, options);
  t.pass('what a part has needs no room');
});

t.test('a cache that cannot be written is told with its path', async (t) => {
  const hub = await startHub(t, MODEL);
  const file = join(await temporaryFolder(t), 'file');
  await writeFile(file, '');
  const options = await pullOptions(t, hub);
  const settings = { ...options.settings, cacheDir: join(file, 'hub') };
  await refuses(
    t,
    () => pull(MAIN, { ...options, settings }),
    /file.hub: a file is where a folder should be; HF_HUB_CACHE/,
  );
});

/** Names with which files lead elsewhere, and 100 made of their pieces. */
function hostileNames(): string[] {
  const names = [
    '../x',
    '/etc/x',
    '..',
    'a/../../x',
    'a\\..\\x',
    'C:\\x',
    'x\0.json',
    'a//x',
    './x',
    '',
    '\x1b]0;x',
  ];
  const pieces = ['..', 'a', '.', '', 'config.json', '...'];
  const made = Array.from({ length: 100 }, (_, i) => {
    const parts = [0, 1, 2].map((place) => pieces[Math.floor(i / 6 ** place) % 6]);
    return parts.toSpliced(i % 4, 0, '..').join('/');
  });
  return [...names, ...made];
}

t.test('a hostile name in the listing is refused, and nothing is written', async (t) => {
  const hub = await startHub(t, MODEL);
  const options = await pullOptions(t, hub);
  for (const rfilename of hostileNames()) {
    const listing = listingOf(hub);
    hub.listing = {
      ...listing,
      siblings: [...listing.siblings, { rfilename, size: 1, blobId: 'a'.repeat(40) }],
    };
    await refuses(t, () => pull(MAIN, options), /^org\/name: has a file with a name that is not safe: "/);
  }
  t.strictSame(await readdir(options.settings.cacheDir), []);
  t.strictSame(downloads(hub), []);
});

t.test('a commit or checksum that is a path is refused', async (t) => {
  const hub = await startHub(t, MODEL);
  const options = await pullOptions(t, hub);
  hub.listing = { ...listingOf(hub), sha: '../../../x' };
  await refuses(t, () => pull(MAIN, options), /does not answer as a hub does/);
  const evil = { rfilename: 'config.json', size: 1, blobId: '../../../../x' };
  hub.listing = { sha: COMMIT, siblings: [evil, { rfilename: 'model.safetensors' }] };
  hub.fault = ({ method }, response) =>
    method === 'HEAD' && Boolean(response.setHeader('etag', '"../../x"').end());
  await refuses(t, () => pull(MAIN, options), /no size and checksum/);
  t.strictSame(await readdir(options.settings.cacheDir), []);
});

t.test('a link in the cache does not lead a file out of it', async (t) => {
  const hub = await startHub(t, { 'sub/m.gguf': 'content' });
  const options = await pullOptions(t, hub);
  const outside = await temporaryFolder(t);
  const snapshot = new RepositoryCache(options.settings.cacheDir, 'org/name').snapshot(COMMIT);
  await mkdir(snapshot, { recursive: true });
  await symlink(outside, join(snapshot, 'sub'));
  await refuses(t, () => pull(MAIN, options), /leads out of the cache/);
  t.strictSame(await readdir(outside), []);
});

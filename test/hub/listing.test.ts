import t from 'tap';
import { fetchBlob, fetchListing, filePath } from '#halflight/hub/listing.js';
import { refuses } from '../support/commands.js';
import { clientOf, MODEL, never } from '../support/hub.js';
import { COMMIT, etagOf, listingOf, startHub } from '../support/hub-server.js';

const REPOSITORY = { id: 'org/name', revision: 'main', quantization: null };

t.test('lists the files of a revision with sizes and checksums', async (t) => {
  const hub = await startHub(t, MODEL);
  const { commit, files } = await fetchListing(clientOf(hub), REPOSITORY, never);
  t.equal(commit, COMMIT);
  t.strictSame(
    files,
    [...hub.files].map(([path, file]) => ({ path, blob: { etag: etagOf(file), size: file.content.length } })),
  );
});

t.test('a revision with a slash is one part of the address', async (t) => {
  const hub = await startHub(t, MODEL);
  await fetchListing(clientOf(hub), { ...REPOSITORY, revision: 'refs/pr/1' }, never);
  t.strictSame(hub.requests, ['GET /api/models/org/name/revision/refs%2Fpr%2F1?blobs=true']);
});

t.test('what a listing leaves out is in the headers of the file', async (t) => {
  const hub = await startHub(t, MODEL);
  hub.listing = { sha: COMMIT, siblings: [...hub.files.keys()].map((rfilename) => ({ rfilename })) };
  const { files } = await fetchListing(clientOf(hub), REPOSITORY, never);
  t.ok(files.every(({ blob }) => blob === null));
  for (const [path, file] of hub.files)
    t.strictSame(await fetchBlob(clientOf(hub), COMMIT, path, never), {
      etag: etagOf(file),
      size: file.content.length,
    });
  t.strictSame(hub.keys.storage, []);
});

t.test('a file without a checksum is refused', async (t) => {
  const hub = await startHub(t, MODEL);
  for (const etag of ['"../../x"', '"abc"', '']) {
    hub.fault = (_, response) => Boolean(response.setHeader('etag', etag).end());
    await refuses(
      t,
      () => fetchBlob(clientOf(hub), COMMIT, 'config.json', never),
      /^org\/name: config\.json: .* no size and checksum/,
    );
  }
});

t.test('a listing that is none is refused', async (t) => {
  const hub = await startHub(t, MODEL);
  const good = listingOf(hub);
  const bad = [
    {},
    [],
    { ...good, sha: '../..' },
    { ...good, sha: 'main' },
    { ...good, siblings: {} },
    { ...good, siblings: [1] },
    { ...good, siblings: [{ rfilename: 1 }] },
  ];
  for (const listing of bad) {
    hub.listing = listing;
    await refuses(
      t,
      () => fetchListing(clientOf(hub), REPOSITORY, never),
      /^org\/name: the server does not answer as a hub does/,
    );
  }
  hub.fault = (_, response) => Boolean(response.end('<html>'));
  await refuses(t, () => fetchListing(clientOf(hub), REPOSITORY, never), /does not answer as a hub does/);
});

t.test('a checksum or size that is none counts as left out', async (t) => {
  const hub = await startHub(t, MODEL);
  const odd = [
    { blobId: '../x', size: 1 },
    { blobId: 'a'.repeat(40), size: -1 },
    { blobId: 'a'.repeat(40), size: 1e300 },
    { lfs: { sha256: 'x', size: 1 } },
  ];
  for (const fields of odd) {
    hub.listing = { sha: COMMIT, siblings: [{ rfilename: 'config.json', ...fields }] };
    const { files } = await fetchListing(clientOf(hub), REPOSITORY, never);
    t.strictSame(files, [{ path: 'config.json', blob: null }], JSON.stringify(fields));
  }
});

t.test('every part of a file’s path is escaped', (t) => {
  t.equal(filePath('a/b', COMMIT, 'x y/?#%.json'), `/a/b/resolve/${COMMIT}/x%20y/%3F%23%25.json`);
  t.end();
});

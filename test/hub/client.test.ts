import t from 'tap';
import type { Chunks, HubClient } from '#halflight/hub/client.js';
import { TransientError } from '#halflight/hub/tries.js';
import { refuses } from '../support/commands.js';
import { clientOf, never, QUICK, TOKEN } from '../support/hub.js';
import { type HubServer, startHub } from '../support/hub-server.js';

const GET = { path: '/x', method: 'GET', what: 'x', signal: never } as const;

const text = async (_: Response, chunks: Chunks) => {
  const pieces: Uint8Array[] = [];
  for await (const chunk of chunks) pieces.push(chunk);
  return Buffer.concat(pieces).toString();
};

/** What a request throws. */
function failure(client: HubClient, request: Parameters<HubClient['request']>[0] = GET): Promise<unknown> {
  return client.request(request, text).then(
    () => null,
    (error: unknown) => error,
  );
}

/** Answers the endpoint's /x with a redirect, any other path with what was asked. */
function redirecting(hub: HubServer, location: (path: string) => string | null, status = 302): void {
  hub.fault = ({ url = '' }, response) => {
    const next = location(url);
    if (next === null) response.end(`this is ${url}`);
    else response.writeHead(status, { location: next }).end();
    return true;
  };
}

t.test('the token goes to the endpoint, also after a redirect within it', async (t) => {
  const hub = await startHub(t, {});
  for (const status of [301, 302, 303, 307, 308]) {
    redirecting(hub, (path) => (path === '/x' ? '/renamed' : null), status);
    t.equal(await clientOf(hub).request(GET, text), 'this is /renamed');
  }
  t.strictSame(new Set(hub.keys.endpoint), new Set([`Bearer ${TOKEN}`]));
});

t.test('the token goes to no other host, and not to the endpoint from there', async (t) => {
  const hub = await startHub(t, {});
  redirecting(hub, (path) => ({ '/x': `${hub.storage}/y`, '/y': `${hub.endpoint}/z` })[path] ?? null);
  t.equal(await clientOf(hub).request(GET, text), 'this is /z');
  t.strictSame(hub.keys, { endpoint: [`Bearer ${TOKEN}`, 'none'], storage: ['none'] });
});

t.test('a redirect that is not safe is not followed', async (t) => {
  const hub = await startHub(t, {});
  for (const location of ['file:///etc/passwd', 'ftp://host/x', 'http://user:key@host/', 'http://']) {
    redirecting(hub, () => location);
    await refuses(
      t,
      () => clientOf(hub).request(GET, text),
      /^org\/name: 127\.0\.0\.1:\d+ redirects to an address that is not safe/,
    );
  }
  redirecting(hub, () => '/x');
  await refuses(t, () => clientOf(hub).request(GET, text), /^org\/name: x: is redirected without end$/);
});

t.test('for HEAD the redirect to another host is the answer', async (t) => {
  const hub = await startHub(t, {});
  redirecting(hub, (path) => (path === '/x' ? `${hub.storage}/y` : null));
  t.equal(await clientOf(hub).request({ ...GET, method: 'HEAD' }, async ({ status }) => status), 302);
  t.strictSame(hub.keys.storage, []);
});

t.test('an answer that is cut short is worth another try', async (t) => {
  const hub = await startHub(t, {});
  hub.fault = (_, response) => {
    response.writeHead(200, { 'content-length': 100 });
    response.write('begin', () => response.destroy());
    return true;
  };
  const error = await failure(clientOf(hub));
  t.ok(error instanceof TransientError, String(error));
  t.match(error, { message: /^org\/name: x: the connection failed \(/ });
});

t.test('a server that falls silent is given up, before its answer and within', async (t) => {
  const hub = await startHub(t, {});
  const client = clientOf(hub);
  Object.assign(client, { patience: { ...QUICK, stallTimeoutMs: 150 } });
  for (const begin of [false, true]) {
    hub.fault = (_, response) => {
      if (begin) response.write('begin');
      return true;
    };
    const error = await failure(client);
    t.ok(error instanceof TransientError, String(error));
    t.match(error, { message: 'org/name: x: no byte came for 0.15 s' });
  }
});

t.test('a reader may take longer than the server may', async (t) => {
  const hub = await startHub(t, {});
  redirecting(hub, () => null);
  const client = clientOf(hub);
  Object.assign(client, { patience: { ...QUICK, stallTimeoutMs: 500 } });
  const slow = async (_: Response, chunks: Chunks) => {
    let size = 0;
    for await (const chunk of chunks) {
      await new Promise((resolve) => setTimeout(resolve, 700));
      size += chunk.length;
    }
    return size;
  };
  t.equal(await client.request(GET, slow), 'this is /x'.length);
});

t.test('a server that is not there is worth another try, which says why', async (t) => {
  const hub = await startHub(t, {});
  const client = clientOf(hub);
  Object.assign(client, { settings: { ...client.settings, endpoint: 'http://nowhere.invalid' } });
  t.match(await failure(client), {
    name: 'TransientError',
    message: /^org\/name: nowhere\.invalid: the connection failed \(E\w+\)$/,
  });
  Object.assign(client, { settings: { ...client.settings, unusedProxy: 'HTTPS_PROXY' } });
  t.match(await failure(client), {
    message: /\(E\w+\); HTTPS_PROXY is taken with NODE_USE_ENV_PROXY=1 alone/,
  });
});

t.test('an abort ends a request with its reason', async (t) => {
  const hub = await startHub(t, {});
  hub.fault = () => true;
  const controller = new AbortController();
  setTimeout(() => controller.abort(new Error('enough')), 20);
  t.match(await failure(clientOf(hub), { ...GET, signal: controller.signal }), { message: 'enough' });
  t.match(await failure(clientOf(hub), { ...GET, signal: controller.signal }), { message: 'enough' });
});

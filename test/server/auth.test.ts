import { createHash } from 'node:crypto';
import type { RouteOptions } from 'fastify';
import t from 'tap';
import { parseKeyFile } from '#halflight/server/keys.js';
import { testKeys, testServer } from '../support/server.js';

/** Of probes and of the page on which a key is entered. */
const PUBLIC = /^\/(health\/(live|ready)|web\/[\w.-]+)?$/;

/** `METHOD /path` of all routes, from the tree that Fastify prints. */
function routesOf(tree: string): { method: string; url: string }[] {
  const routes: { method: string; url: string }[] = [];
  const path: string[] = [];
  for (const line of tree.split('\n')) {
    const match = /^(.*?)[├└]── (\S*?)(?: \(([A-Z, ]+)\))?$/u.exec(line);
    if (match === null) continue;
    const depth = (match[1] ?? '').length / 4;
    path.splice(depth, path.length, match[2] ?? '');
    for (const method of (match[3] ?? '').split(', ').filter(Boolean))
      routes.push({ method, url: path.join('') });
  }
  return routes;
}

t.test('asks every route but probes and the page for a key', async (t) => {
  const app = testServer({ apiKeys: testKeys(['secret', 'other']) });
  await app.ready();
  const routes = routesOf(app.printRoutes({ commonPrefix: true }));
  t.ok(routes.length > 50, `${routes.length} routes`);
  t.ok(routes.some(({ method, url }) => method === 'POST' && url === '/v1/chat/completions'));
  for (const { method, url } of routes) {
    const reply = await app.inject({ method: method as RouteOptions['method'] & 'GET', url });
    const isOpen = PUBLIC.test(url) && (method === 'GET' || method === 'HEAD');
    t.equal(reply.statusCode, isOpen ? 200 : 401, `${method} ${url}`);
  }
});

t.test('asks for a key before it tells of unknown routes or reads a body', async (t) => {
  const app = testServer({ apiKeys: testKeys(['secret']) });
  t.equal((await app.inject('/nothing')).statusCode, 401);
  t.equal((await app.inject({ method: 'POST', url: '/v1/completions', payload: '{' })).statusCode, 401);
});

t.test('takes any of the keys, and nothing like them', async (t) => {
  const app = testServer({ apiKeys: testKeys(['secret', 'other']) });
  const status = async (authorization: string) =>
    (await app.inject({ url: '/v1/models', headers: { authorization } })).statusCode;
  for (const good of ['Bearer secret', 'Bearer other', 'bearer secret'])
    t.equal(await status(good), 200, good);
  for (const bad of ['', 'secret', 'Bearer', 'Bearer ', 'Bearer secre', 'Bearer secrets', 'Basic secret']) {
    t.equal(await status(bad), 401, bad);
  }
  const reply = await app.inject('/v1/models');
  t.match(reply.json(), { error: { code: 'invalid_api_key', type: 'authentication_error', param: null } });
  t.equal(reply.headers['www-authenticate'], 'Bearer');
});

t.test('takes a key of which only the hash is known', async (t) => {
  const hash = createHash('sha256').update('secret').digest('hex');
  const app = testServer({ apiKeys: parseKeyFile(`ann: sha256:${hash}`, 'keys') });
  const status = async (key: string) =>
    (await app.inject({ url: '/v1/models', headers: { authorization: `Bearer ${key}` } })).statusCode;
  t.equal(await status('secret'), 200);
  t.equal(await status(hash), 401);
  t.equal(await status(`sha256:${hash}`), 401);
});

t.test('asks for no key where none is configured', async (t) => {
  t.equal((await testServer().inject('/v1/models')).statusCode, 200);
});

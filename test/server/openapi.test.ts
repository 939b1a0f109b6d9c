import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { root } from '../support/paths.js';
import { testServer } from '../support/server.js';

const app = testServer();
const { paths, openapi } = (await app.inject('/openapi.json')).json() as {
  openapi: string;
  paths: Record<string, Record<string, { summary?: string; requestBody?: object }>>;
};

t.test('each route is described, by the methods it takes', async (t) => {
  t.equal(openapi, '3.1.0');
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, { summary, requestBody }] of Object.entries(methods)) {
      t.match(summary, /./, `${method} ${path}`);
      t.equal(requestBody !== undefined, method === 'post', `${method} ${path}`);
    }
  }
});

t.test('docs/api.md has each route, and no other', async (t) => {
  const page = readFileSync(join(root, 'docs', 'api.md'), 'utf8').split('\n## ')[0] ?? '';
  const documented = [...page.matchAll(/`(GET|POST) (\/[^`]*)`/g)].map(
    ([, method, path]) => `${method} ${path}`,
  );
  const served = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace('{*}', '<name>')}`),
  );
  t.strictSame(documented.sort(), [...served, 'GET /docs', 'GET /openapi.json'].sort());
});

t.test('docs/api.md names each field of each body', async (t) => {
  const page = readFileSync(join(root, 'docs', 'api.md'), 'utf8');
  for (const [path, { post }] of Object.entries(paths)) {
    const body = post?.requestBody as
      | { content: { 'application/json': { schema: { properties: object } } } }
      | undefined;
    const fields = Object.keys(body?.content['application/json'].schema.properties ?? {});
    for (const field of fields) t.ok(page.includes(`\`${field}`), `${path}: ${field}`);
  }
});

t.test('a page shows it', async (t) => {
  const reply = await app.inject('/docs/');
  t.equal(reply.statusCode, 200);
  t.match(reply.headers['content-type'], 'text/html');
});

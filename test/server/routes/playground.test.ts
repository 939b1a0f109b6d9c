import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { root } from '../../support/paths.js';
import { testKeys, testServer } from '../../support/server.js';

const app = testServer({ apiKeys: testKeys(['secret']) });

t.test('the page opens without a key, and with a policy that lets it reach this server alone', async (t) => {
  const reply = await app.inject('/');
  t.equal(reply.statusCode, 200);
  t.equal(reply.headers['content-type'], 'text/html; charset=utf-8');
  const policy = String(reply.headers['content-security-policy']);
  t.match(policy, "default-src 'none'");
  t.notMatch(policy, /unsafe|https?:|\*/);
  t.equal(reply.headers['x-content-type-options'], 'nosniff');
});

t.test('each file of the page is served under its type', async (t) => {
  for (const name of readdirSync(join(root, 'web'))) {
    if (!/\.(js|css|svg)$/.test(name)) continue;
    const reply = await app.inject(`/web/${name}`);
    t.equal(reply.statusCode, 200, name);
    t.equal(reply.body, readFileSync(join(root, 'web', name), 'utf8'), name);
    t.match(reply.headers['content-type'], /^(text\/javascript|text\/css|image\/svg\+xml)/, name);
  }
});

t.test('nothing else of the folder or above it is served', async (t) => {
  for (const url of [
    '/web/',
    '/web/index.html',
    '/web/tsconfig.json',
    '/web/..%2fpackage.json',
    '/web/%2e%2e/package.json',
  ]) {
    const reply = await app.inject({ url, headers: { authorization: 'Bearer secret' } });
    t.equal(reply.statusCode, 404, url);
  }
});

t.test('no file of the page names another host', (t) => {
  for (const name of readdirSync(join(root, 'web'))) {
    const text = readFileSync(join(root, 'web', name), 'utf8').replaceAll('http://www.w3.org/2000/svg', '');
    t.notMatch(text, /https?:\/\//, name);
  }
  t.end();
});

t.test('POST is refused with 405', async (t) => {
  const reply = await app.inject({ method: 'POST', url: '/', headers: { authorization: 'Bearer secret' } });
  t.equal(reply.statusCode, 405);
});

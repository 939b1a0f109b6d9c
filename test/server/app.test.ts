import t from 'tap';
import { testServer } from '../support/server.js';

t.test('gives every reply a request id, the given one where it is harmless', async (t) => {
  const app = testServer();
  const idOf = async (headers: Record<string, string>) =>
    (await app.inject({ url: '/version', headers })).headers['x-request-id'];
  t.equal(await idOf({ 'x-request-id': 'abc-1' }), 'abc-1');
  t.match(await idOf({ 'x-request-id': 'a b' }), /^req-/);
  t.match(await idOf({}), /^req-/);
  t.ok((await app.inject('/nothing')).headers['x-request-id']);
});

t.test('refuses unknown routes and wrong methods', async (t) => {
  const app = testServer();
  t.match((await app.inject('/nothing')).json(), { error: { code: 'route_not_found', param: null } });
  t.match((await app.inject('/%zz')).json(), { error: { code: 'route_not_found', param: null } });
  const wrong = await app.inject({ method: 'GET', url: '/v1/completions' });
  t.equal(wrong.statusCode, 405);
  t.equal(wrong.headers.allow, 'POST');
  t.match(wrong.json(), { error: { code: 'method_not_allowed', param: null } });
  t.equal((await app.inject({ method: 'POST', url: '/health', payload: 'x' })).statusCode, 405);
  t.equal((await app.inject({ method: 'DELETE', url: '/v1/models/fable' })).statusCode, 405);
});

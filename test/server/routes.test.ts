import t from 'tap';
import type { ServerState } from '#halflight/server/state.js';
import { FakeEngine } from '../support/fake-engine.js';
import { testServer } from '../support/server.js';

t.test('lists the served names, with what load testers read', async (t) => {
  const app = testServer();
  const { data, object } = (await app.inject('/v1/models')).json();
  t.equal(object, 'list');
  t.match(data, [
    { id: 'fable', object: 'model', root: 'models/fable', max_model_len: 128 },
    { id: 'org/other' },
  ]);
  t.same((await app.inject('/v1/models/fable')).json(), data[0]);
  t.same((await app.inject('/v1/models/org/other')).json(), data[1]);
  t.same((await app.inject('/v1/models/org%2Fother')).json(), data[1]);
  t.match((await app.inject(`/v1/models/${'x'.repeat(500)}`)).json(), { error: { code: 'model_not_found' } });
});

t.test('is healthy only while it takes work, and alive always', async (t) => {
  const state: ServerState = { phase: 'ready' };
  const app = testServer({ state });
  for (const [phase, status] of [
    ['ready', 200],
    ['loading', 503],
    ['draining', 503],
    ['failed', 503],
  ] as const) {
    state.phase = phase;
    t.equal((await app.inject('/health')).statusCode, status);
    t.equal((await app.inject('/health/ready')).statusCode, status);
    t.equal((await app.inject('/health/live')).statusCode, 200);
  }
});

t.test('turns unhealthy when the engine fails', async (t) => {
  const engine = new FakeEngine();
  const app = testServer({ engine });
  engine.fail();
  await engine.failed;
  const reply = await app.inject('/health');
  t.equal(reply.statusCode, 503);
  t.equal(reply.json().error.code, 'engine_failed');
});

t.test('tells its version', async (t) => {
  t.same((await testServer().inject('/version')).json(), { version: '1.2.3' });
});

t.test('gives every reply a request id, the given one where it is harmless', async (t) => {
  const app = testServer();
  const idOf = async (headers: Record<string, string>) =>
    (await app.inject({ url: '/version', headers })).headers['x-request-id'];
  t.equal(await idOf({ 'x-request-id': 'abc-1' }), 'abc-1');
  t.match(await idOf({ 'x-request-id': 'a b' }), /^req-/);
  t.match(await idOf({}), /^req-/);
  t.ok((await app.inject('/nothing')).headers['x-request-id']);
});

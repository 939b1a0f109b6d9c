import t from 'tap';
import type { ServerState } from '#halflight/server/state.js';
import { FakeEngine } from '../../support/fake-engine.js';
import { testServer } from '../../support/server.js';

t.test('is healthy only while work should be sent to it, and alive always', async (t) => {
  const state: ServerState = { phase: 'ready' };
  const app = testServer({ state });
  for (const [phase, status] of [
    ['ready', 200],
    ['loading', 503],
    ['leaving', 503],
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

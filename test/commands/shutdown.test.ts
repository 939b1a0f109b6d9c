import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { drain, untilFailed } from '#halflight/commands/shutdown.js';
import { SilentSockets } from '#halflight/commands/silent-sockets.js';
import type { ServerState } from '#halflight/server/state.js';
import { FakeEngine } from '../support/fake-engine.js';
import { testModels, testServer } from '../support/server.js';

t.test('an engine that fails ends the server with 1, after its clients were told', async (t) => {
  const engine = new FakeEngine({ failAfter: 2, delayMs: 20 });
  const models = testModels({ engine });
  const app = testServer({ models });
  const silent = new SilentSockets(app.server);
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const code = untilFailed({ app, silent, models });
  const body = JSON.stringify({ model: 'fable', prompt: 'Hi', stream: true });
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${url}/v1/completions`, { method: 'POST', headers, body });
  engine.fail();
  t.match(await answer.text(), /engine_failed/);
  t.equal(await code, 1);
  await t.rejects(fetch(url), 'nobody listens any more');
});

t.test(
  'a server that leaves is unhealthy at once, takes work until the delay is over, and finishes it',
  async (t) => {
    const models = testModels({ engine: new FakeEngine({ delayMs: 30 }) });
    const state: ServerState = { phase: 'ready' };
    const app = testServer({ models, state });
    const silent = new SilentSockets(app.server);
    const url = await app.listen({ host: '127.0.0.1', port: 0 });
    const complete = () => {
      const body = JSON.stringify({ prompt: 'Hi', max_tokens: 10, stream: true });
      const headers = { 'content-type': 'application/json' };
      return fetch(`${url}/v1/completions`, { method: 'POST', headers, body });
    };
    const before = await complete();
    const drained = drain({ app, silent, models, state }, { delayMs: 3000, timeoutMs: 20_000 });
    t.equal((await fetch(`${url}/health`)).status, 503);
    t.equal((await fetch(`${url}/health/live`)).status, 200);
    await sleep(200);
    const late = await complete();
    for (const answer of [before, late]) {
      t.equal(answer.status, 200);
      t.match(await answer.text(), /\[DONE\]/);
    }
    await drained;
    t.equal(state.phase, 'draining');
    await t.rejects(fetch(url), 'nobody listens any more');
  },
);

t.test('what takes longer than the timeout is cut off', async (t) => {
  const models = testModels({ engine: new FakeEngine({ delayMs: 200 }) });
  const app = testServer({ models });
  const silent = new SilentSockets(app.server);
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const body = JSON.stringify({ prompt: 'Hi', max_tokens: 100, stream: true });
  const headers = { 'content-type': 'application/json' };
  await fetch(`${url}/v1/completions`, { method: 'POST', headers, body });
  const startMs = performance.now();
  await drain({ app, silent, models, state: { phase: 'ready' } }, { delayMs: 0, timeoutMs: 300 });
  // The answer would take 20 s; the timer is of 300 ms, and a busy machine may be late.
  t.ok(performance.now() - startMs < 5000);
  app.server.closeAllConnections();
});

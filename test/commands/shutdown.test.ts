import t from 'tap';
import { untilFailed } from '#halflight/commands/shutdown.js';
import { SilentSockets } from '#halflight/commands/silent-sockets.js';
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

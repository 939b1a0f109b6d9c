import t from 'tap';
import { FakeEngine } from '../../support/fake-engine.js';
import { testServer } from '../../support/server.js';

t.test('the load counts the sequences that run or wait', async (t) => {
  const app = testServer({ engine: new FakeEngine({ delayMs: 20 }) });
  const load = async () => (await app.inject('/load')).json();
  t.strictSame(await load(), { server_load: 0 });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  t.teardown(() => app.close());
  const body = JSON.stringify({ prompt: 'Hi', n: 3, stream: true, max_tokens: 50 });
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${url}/v1/completions`, { method: 'POST', headers, body });
  t.strictSame(await load(), { server_load: 3 });
  await answer.text();
  t.strictSame(await load(), { server_load: 0 });
});

t.test('the properties are those of the model', async (t) => {
  const reply = await testServer().inject('/props');
  t.match(reply.json(), {
    default_generation_settings: { n_ctx: Number },
    total_slots: Number,
    model_alias: 'fable',
    model_path: 'models/fable',
    chat_template: String,
    build_info: 'halflight 1.2.3',
  });
  t.equal((await testServer().inject('/props?model=nobody')).statusCode, 404);
});

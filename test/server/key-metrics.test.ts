import type { FastifyInstance } from 'fastify';
import t from 'tap';
import { parseKeyFile } from '#halflight/server/keys.js';
import { FakeEngine } from '../support/fake-engine.js';
import { testServer } from '../support/server.js';

const keys = parseKeyFile('ann: first\nann: second\nbob: third\ncarl: fourth', 'keys');

async function scrape(app: FastifyInstance): Promise<string[]> {
  const { body } = await app.inject({ url: '/metrics', headers: { authorization: 'Bearer first' } });
  return body.split('\n').filter((line) => line.startsWith('halflight:key_'));
}

function ask(app: FastifyInstance, key: string, payload: object) {
  const headers = { authorization: `Bearer ${key}` };
  return app.inject({ method: 'POST', url: '/v1/completions', headers, payload });
}

t.test('requests and tokens are counted by the name of their key', async (t) => {
  const app = testServer({ apiKeys: keys });
  const prompt = [5, 6, 7];
  await ask(app, 'first', { prompt, max_tokens: 4 });
  await ask(app, 'second', { prompt, max_tokens: 5, n: 2, stream: true });
  await ask(app, 'third', { prompt: [prompt, [8]], max_tokens: 2 });
  await ask(app, 'third', { prompt, temperature: 9 });
  await ask(app, 'wrong', { prompt });
  const series = (name: string, key: string, value: number) =>
    `halflight:key_${name}_total{key="${key}",model_name="fable",engine="0"} ${value}`;
  t.strictSame(await scrape(app), [
    series('requests', 'ann', 2),
    series('requests', 'bob', 1),
    series('prompt_tokens', 'ann', 6),
    series('prompt_tokens', 'bob', 4),
    series('generation_tokens', 'ann', 14),
    series('generation_tokens', 'bob', 4),
  ]);
});

t.test('tokens of a request that fails are counted as far as they came', async (t) => {
  const app = testServer({ apiKeys: keys, engine: new FakeEngine({ failAfter: 2 }) });
  await ask(app, 'third', { prompt: [5], max_tokens: 9 });
  t.match(await scrape(app), [/requests.* 1$/, /prompt_tokens.* 1$/, /generation_tokens.* 2$/]);
});

t.test('where no key is asked for, nothing is counted by key', async (t) => {
  const app = testServer();
  await ask(app, 'first', { prompt: [5] });
  t.strictSame(await scrape(app), []);
});

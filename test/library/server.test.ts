import t from 'tap';
import { createServer } from '#halflight/library/server.js';
import { TextEngine } from '#halflight/library/text-engine.js';
import { FakeEngine } from '../support/fake-engine.js';
import { tokenizer } from '../support/server.js';

const named = (name: string) => new TextEngine(name, `models/${name}`, new FakeEngine(), tokenizer, null);

t.test('each engine is served under its name', async (t) => {
  const app = await createServer({ engines: [named('a'), named('b')] });
  t.teardown(() => app.close());
  t.strictSame(
    (await app.inject('/v1/models')).json().data.map(({ id }: { id: string }) => id),
    ['a', 'b'],
  );
  const payload = { model: 'b', prompt: 'Hi', max_tokens: 2 };
  t.equal((await app.inject({ method: 'POST', url: '/v1/completions', payload })).json().model, 'b');
});

t.test('keys are asked for, and closing the server leaves the engine open', async (t) => {
  const engine = named('a');
  const app = await createServer({ engines: [engine], apiKeys: ['secret'] });
  t.equal((await app.inject('/v1/models')).statusCode, 401);
  await app.close();
  let numPieces = 0;
  for await (const _ of engine.complete('Hi', { maxTokens: 3 })) numPieces += 1;
  t.ok(numPieces > 0);
});

t.test('requests and tokens are limited where that is asked for', async (t) => {
  const app = await createServer({ engines: [named('a')], requestsPerMinute: 2, tokensPerMinute: 5 });
  t.teardown(() => app.close());
  const status = async (prompt: number[]) =>
    (await app.inject({ method: 'POST', url: '/v1/completions', payload: { prompt, max_tokens: 1 } }))
      .statusCode;
  t.equal(await status([5, 6, 7, 8, 9, 10]), 400);
  t.equal(await status([5, 6]), 200);
  t.equal(await status([5, 6]), 429);
});

t.test('an empty key is refused', async (t) => {
  await t.rejects(createServer({ engines: [named('a')], apiKeys: [''] }), { message: /^apiKeys: key 1/ });
});

import t from 'tap';
import { FakeEngine } from '../support/fake-engine.js';
import { testServer } from '../support/server.js';

const messages = [{ role: 'user', content: 'Hi' }];

t.test('each of n answers is a sequence of its own after the same prompt', async (t) => {
  const engine = new FakeEngine();
  const payload = { messages, n: 3, seed: 5, max_tokens: 2, request_id: 'mine' };
  const reply = await testServer({ engine }).inject({ method: 'POST', url: '/v1/chat/completions', payload });
  t.equal(reply.json().id, 'chatcmpl-mine');
  t.strictSame(
    engine.requests.map(({ id, sampling }) => [id, sampling.seed]),
    [
      ['chatcmpl-mine-0', 5n],
      ['chatcmpl-mine-1', 6n],
      ['chatcmpl-mine-2', 7n],
    ],
  );
  const [first, second] = engine.requests;
  t.strictSame(first?.promptTokenIds, second?.promptTokenIds);
});

t.test('what is refused never reaches the engine', async (t) => {
  const engine = new FakeEngine();
  const app = testServer({ engine });
  const bodies = [
    { audio: {} },
    { chat_template: '' },
    { max_tokens: 1e9 },
    { model: 'nobody' },
    { top_logprobs: 1 },
  ];
  for (const body of bodies) {
    const reply = await app.inject({
      method: 'POST',
      url: '/v1/chat/completions',
      payload: { messages, ...body },
    });
    t.match(reply.statusCode, /400|404/, JSON.stringify(body));
  }
  t.strictSame(engine.requests, []);
});

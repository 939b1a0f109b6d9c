import t from 'tap';
import { FakeEngine } from '../../support/fake-engine.js';
import { script, testServer } from '../../support/server.js';

const url = '/v1/responses';
const payload = { model: 'fable', input: 'Hi', max_output_tokens: 50 };

function eventsOf(body: string) {
  const blocks = body.split('\n\n').filter((block) => block !== '');
  return blocks.map((block) => {
    const [, type = '', data = ''] = /^event: (\S+)\ndata: (.*)$/.exec(block) ?? [];
    return { type, data: JSON.parse(data) as { type: string; delta?: string } };
  });
}

t.test('answers with a response', async (t) => {
  const engine = new FakeEngine({ script: script('Once upon a time.') });
  const reply = await testServer({ engine }).inject({ method: 'POST', url, payload });
  t.equal(reply.statusCode, 200);
  t.match(reply.json(), {
    id: /^resp-/,
    object: 'response',
    status: 'completed',
    model: 'fable',
    store: false,
    output: [{ type: 'message', content: [{ type: 'output_text', text: 'Once upon a time.' }] }],
    usage: { output_tokens: script('Once upon a time.').length },
  });
});

t.test('a stream has the same text, each event under its name', async (t) => {
  const engine = new FakeEngine({ script: script('Once upon a time.') });
  const reply = await testServer({ engine }).inject({
    method: 'POST',
    url,
    payload: { ...payload, stream: true },
  });
  const events = eventsOf(reply.body);
  for (const { type, data } of events) t.equal(data.type, type);
  const deltas = events.filter(({ type }) => type === 'response.output_text.delta');
  t.equal(deltas.map(({ data }) => data.delta).join(''), 'Once upon a time.');
  t.equal(events.at(-1)?.type, 'response.completed');
});

t.test('refusals name the fields of this route', async (t) => {
  const refused = async (more: object) =>
    (await testServer().inject({ method: 'POST', url, payload: { ...payload, ...more } })).json();
  t.match(await refused({ max_output_tokens: 1e6 }), { error: { param: 'max_output_tokens' } });
  t.match(await refused({ tools: [{ type: 'function', name: 'a', parameters: { type: 'array' } }] }), {
    error: { param: 'tools[0].parameters' },
  });
  t.match(await refused({ store: true }), { error: { param: 'store', code: 'unsupported_parameter' } });
});

t.test('a failure within a stream is an event', async (t) => {
  const engine = new FakeEngine({ failAfter: 1 });
  const reply = await testServer({ engine }).inject({
    method: 'POST',
    url,
    payload: { ...payload, stream: true },
  });
  t.match(eventsOf(reply.body).at(-1), { type: 'error', data: { code: 'engine_failed', message: String } });
});

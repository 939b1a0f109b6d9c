import t from 'tap';
import { FakeEngine } from '../../support/fake-engine.js';
import { script, testKeys, testServer } from '../../support/server.js';

const url = '/v1/messages';
const messages = [{ role: 'user', content: 'Hi' }];
const payload = { model: 'fable', messages, max_tokens: 50 };

/** Types and data of a stream's events. */
function eventsOf(body: string) {
  const blocks = body.split('\n\n').filter((block) => block !== '');
  return blocks.map((block) => {
    const [, type = '', data = ''] = /^event: (\S+)\ndata: (.*)$/.exec(block) ?? [];
    return { type, data: JSON.parse(data) as { type: string; delta?: { text?: string } } };
  });
}

t.test('answers with a message', async (t) => {
  const engine = new FakeEngine({ script: script('Once upon a time.') });
  const reply = await testServer({ engine }).inject({ method: 'POST', url, payload });
  t.equal(reply.statusCode, 200);
  t.match(reply.json(), {
    id: /^msg-/,
    type: 'message',
    role: 'assistant',
    model: 'fable',
    content: [{ type: 'text', text: 'Once upon a time.' }],
    stop_reason: 'end_turn',
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
  t.match(reply.headers['content-type'], 'text/event-stream');
  const events = eventsOf(reply.body);
  for (const { type, data } of events) t.equal(data.type, type);
  t.equal(events.map(({ data }) => data.delta?.text ?? '').join(''), 'Once upon a time.');
  t.equal(events.at(-1)?.type, 'message_stop');
});

t.test('a stop sequence ends the answer and is told', async (t) => {
  const engine = new FakeEngine({ script: script('Once upon a time.') });
  const body = { ...payload, stop_sequences: [' upon'] };
  const reply = await testServer({ engine }).inject({ method: 'POST', url, payload: body });
  t.match(reply.json(), {
    content: [{ type: 'text', text: 'Once' }],
    stop_reason: 'stop_sequence',
    stop_sequence: ' upon',
  });
});

t.test('refusals and failures have Anthropic’s shape', async (t) => {
  const missing = await testServer().inject({
    method: 'POST',
    url,
    payload: { ...payload, model: 'nobody' },
  });
  t.match(missing.json(), { type: 'error', error: { type: 'not_found_error', code: 'model_not_found' } });
  const broken = await testServer().inject({
    method: 'POST',
    url,
    payload: '{',
    headers: { 'content-type': 'application/json' },
  });
  t.match(broken.json(), { type: 'error', error: { type: 'invalid_request_error', code: 'invalid_json' } });
  const engine = new FakeEngine({ failAfter: 1 });
  const late = await testServer({ engine }).inject({
    method: 'POST',
    url,
    payload: { ...payload, stream: true },
  });
  t.match(eventsOf(late.body).at(-1), { type: 'error', data: { error: { type: 'overloaded_error' } } });
});

t.test('a refusal names the field as Anthropic has it', async (t) => {
  const app = testServer({ output: { tools: null, reasoning: 'qwen3' } });
  const body = { ...payload, thinking: { type: 'disabled' } };
  const reply = await app.inject({ method: 'POST', url, payload: body });
  t.match(reply.json(), {
    error: { code: 'unsupported_parameter', param: 'thinking', message: /^thinking: / },
  });
});

t.test('a key may come as x-api-key', async (t) => {
  const app = testServer({ apiKeys: testKeys(['secret']) });
  const status = async (headers: Record<string, string>) =>
    (await app.inject({ method: 'POST', url, payload, headers })).statusCode;
  t.equal(await status({}), 401);
  t.equal(await status({ 'x-api-key': 'wrong' }), 401);
  t.equal(await status({ 'x-api-key': 'secret' }), 200);
});

t.test('tokens of a prompt are counted without answering it', async (t) => {
  const engine = new FakeEngine();
  const app = testServer({ engine });
  const counted = await app.inject({ method: 'POST', url: `${url}/count_tokens`, payload: { messages } });
  t.strictSame(engine.requests, []);
  await app.inject({ method: 'POST', url, payload });
  t.strictSame(counted.json(), { input_tokens: engine.requests[0]?.promptTokenIds.length });
});

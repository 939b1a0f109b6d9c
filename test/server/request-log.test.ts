import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { createLogger } from '#halflight/logger.js';
import { testServer } from '../support/server.js';

const SECRET = 'a secret that nobody should read';

/** The lines of the log for one request over HTTP. */
async function logged(t: Test, options: { logPrompts?: boolean }, path: string, payload?: object) {
  const lines: string[] = [];
  const destination = { write: (line: string) => lines.push(line) };
  const app = testServer({ ...options, logger: createLogger({ level: 'debug', destination }) });
  t.teardown(() => app.close());
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const body = payload === undefined ? {} : { method: 'POST', body: JSON.stringify(payload) };
  const headers = { 'content-type': 'application/json', 'x-request-id': 'mine' };
  await (await fetch(`${url}${path}`, { ...body, headers })).text();
  const find = () => lines.map((line) => JSON.parse(line)).find(({ msg }) => msg === 'request');
  while (find() === undefined) await sleep(5);
  return { line: find(), text: lines.join('') };
}

t.test('a request’s line has its id, its tokens and its times, and not its prompt', async (t) => {
  const payload = { prompt: SECRET, max_tokens: 3, ignore_eos: true };
  const { line, text } = await logged(t, {}, '/v1/completions?a=secret', payload);
  // The fake engine says that it queued for 250 ms and computed the prompt for 500 ms.
  t.match(line, {
    level: 30,
    requestId: 'mine',
    method: 'POST',
    url: '/v1/completions',
    status: 200,
    model: 'fable',
    completion_tokens: 3,
    prompt_tokens: Number,
    queue_ms: 250,
    prefill_ms: 500,
    ttft_ms: Number,
    decode_ms: Number,
  });
  t.notMatch(text, /secret/);
});

t.test('the prompt is logged where that is asked for', async (t) => {
  const asked = { logPrompts: true };
  const { line } = await logged(t, asked, '/v1/completions', { prompt: SECRET, max_tokens: 1 });
  t.equal(line.prompt, SECRET);
  const messages = [{ role: 'user', content: SECRET }];
  const chat = await logged(t, asked, '/v1/chat/completions', { messages, max_tokens: 1 });
  t.strictSame(chat.line.prompt, messages);
});

t.test('probes and scrapes are lines for debugging', async (t) => {
  for (const path of ['/health/live', '/metrics']) t.equal((await logged(t, {}, path)).line.level, 20);
  t.equal((await logged(t, {}, '/v1/models')).line.level, 30);
});

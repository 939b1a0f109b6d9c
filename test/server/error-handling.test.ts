import { type AddressInfo, connect } from 'node:net';
import t, { type Test } from 'tap';
import { ApiError } from '#halflight/errors.js';
import type { ServerOptions } from '#halflight/server/app.js';
import { toApiError } from '#halflight/server/error-handling.js';
import { FakeEngine } from '../support/fake-engine.js';
import { COMPLETIONS } from '../support/refusals.js';
import { testServer } from '../support/server.js';

t.test('hides what it did not foresee', async (t) => {
  const engine = new FakeEngine();
  engine.generate = () => {
    throw new TypeError('secret detail');
  };
  const reply = await testServer({ engine }).inject({
    method: 'POST',
    url: COMPLETIONS,
    payload: { prompt: 'Hi' },
  });
  t.equal(reply.statusCode, 500);
  t.equal(reply.json().error.code, 'internal_error');
  t.notMatch(reply.body, /secret/);
});

async function listen(t: Test, options: Partial<ServerOptions>): Promise<{ port: number }> {
  const app = testServer(options);
  t.teardown(() => app.close());
  await app.listen({ host: '127.0.0.1', port: 0 });
  return { port: (app.server.address() as AddressInfo).port };
}

/** What the server answers to these bytes, until it closes the connection. */
async function raw(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(bytes);
  let answer = '';
  for await (const piece of socket) answer += String(piece);
  return answer;
}

t.test('answers requests that do not arrive in time', async (t) => {
  const { port } = await listen(t, { headersTimeoutMs: 200, requestTimeoutMs: 400 });
  const [slowHeaders, slowBody] = await Promise.all([
    raw(port, 'POST /v1/completions HTTP/1.1\r\nHost: x\r\n'),
    raw(
      port,
      'POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
    ),
  ]);
  for (const answer of [slowHeaders, slowBody]) {
    t.match(answer, /^HTTP\/1\.1 408 /);
    t.match(answer, /"code":"request_timeout"/);
  }
});

t.test('answers what is no proper HTTP request', async (t) => {
  const { port } = await listen(t, {});
  t.match(await raw(port, 'nonsense\r\n\r\n'), /^HTTP\/1\.1 400 [\s\S]*"code":"invalid_value"/);
  const large = await raw(port, `GET /version HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`);
  t.match(large, /^HTTP\/1\.1 431 [\s\S]*X-Request-Id: [\s\S]*"code":"header_too_large"/);
});

t.test('keeps an error that is meant for the caller, and drops the text of any other', (t) => {
  const refusal = new ApiError('queue_full', 'full', null, 3);
  t.equal(toApiError(refusal), refusal);
  const coded = (code: string) => Object.assign(new Error('secret'), { code });
  t.match(toApiError(coded('FST_ERR_CTP_BODY_TOO_LARGE')), {
    code: 'body_too_large',
    message: /2097152 bytes/,
  });
  for (const error of [coded('ENOENT'), new Error('secret'), 'secret', null]) {
    t.match(toApiError(error), { code: 'internal_error', message: /^((?!secret).)*$/ });
  }
  t.end();
});

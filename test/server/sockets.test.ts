import { once } from 'node:events';
import { request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import t, { type Test } from 'tap';
import type { ServerOptions } from '#halflight/server/app.js';
import { FakeEngine } from '../support/fake-engine.js';
import { testServer } from '../support/server.js';

async function listen(
  t: Test,
  options: Partial<ServerOptions>,
): Promise<{ app: FastifyInstance; port: number }> {
  const app = testServer(options);
  t.teardown(() => app.close());
  await app.listen({ host: '127.0.0.1', port: 0 });
  return { app, port: (app.server.address() as AddressInfo).port };
}

/** An open request whose body has been sent. */
function post(port: number, body: object) {
  const call = request({
    port,
    method: 'POST',
    path: '/v1/completions',
    headers: { 'content-type': 'application/json' },
  });
  call.on('error', () => undefined);
  call.end(JSON.stringify(body));
  return call;
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !condition(); i++) await sleep(10);
}

async function metric(app: FastifyInstance, name: string): Promise<string | undefined> {
  return (await app.inject('/metrics')).body.split('\n').find((line) => line.startsWith(name));
}

t.test('sends each token as it comes', async (t) => {
  const { port } = await listen(t, { engine: new FakeEngine({ script: [70, 71, 72, 73], delayMs: 30 }) });
  const call = post(port, { prompt: 'Hi', stream: true });
  const [response] = await once(call, 'response');
  const pieces: string[] = [];
  for await (const piece of response) pieces.push(String(piece));
  t.ok(pieces.length >= 4, `${pieces.length} pieces`);
  t.match(pieces.join(''), /data: \[DONE\]\n\n$/);
});

t.test('aborts the generation when the client of a stream goes', async (t) => {
  const engine = new FakeEngine({ delayMs: 10 });
  const { app, port } = await listen(t, { engine });
  const call = post(port, { prompt: 'Hi', max_tokens: 120, stream: true });
  const [response] = await once(call, 'response');
  await once(response, 'data');
  call.destroy();
  await until(() => engine.numAborted === 1);
  t.equal(engine.numAborted, 1);
  t.equal(engine.numRunning, 0);
  t.match(await metric(app, 'vllm:request_success_total{finished_reason="abort"'), / 1$/);
});

t.test('aborts the generation when the client of a whole answer goes', async (t) => {
  const engine = new FakeEngine({ delayMs: 10 });
  const { app, port } = await listen(t, { engine });
  const call = post(port, { prompt: ['Hi', 'Ho'], max_tokens: 120 });
  await until(() => engine.numRunning === 2);
  call.destroy();
  await until(() => engine.numAborted === 2);
  t.equal(engine.numRunning, 0);
  t.match(await metric(app, 'vllm:request_success_total{finished_reason="abort"'), / 2$/);
});

t.test('aborts the generation when the client of a stream goes before the first token', async (t) => {
  const engine = new FakeEngine({ delayMs: 2000 });
  const { port } = await listen(t, { engine });
  const call = post(port, { prompt: 'Hi', stream: true });
  await until(() => engine.numRunning === 1);
  call.destroy();
  await until(() => engine.numRunning === 0);
  t.equal(engine.numAborted, 1);
});

t.test('gives the places of clients that went to others', async (t) => {
  const engine = new FakeEngine({ delayMs: 5, info: { maxNumSeqs: 1 } });
  const { app, port } = await listen(t, { engine, maxQueuedRequests: 0 });
  for (let i = 0; i < 5; i++) {
    const call = post(port, { prompt: 'Hi', max_tokens: 120, stream: i % 2 === 0 });
    await until(() => engine.numRunning === 1);
    call.destroy();
    await until(() => engine.numRunning === 0);
  }
  const reply = await app.inject({
    method: 'POST',
    url: '/v1/completions',
    payload: { prompt: 'Hi', max_tokens: 2 },
  });
  t.equal(reply.statusCode, 200);
});

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

import { once } from 'node:events';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import t, { type Test } from 'tap';
import { FakeEngine } from '../support/fake-engine.js';
import { type TestOptions, testServer } from '../support/server.js';

async function listen(t: Test, options: TestOptions): Promise<{ app: FastifyInstance; port: number }> {
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
  const { app, port } = await listen(t, { engine, maxQueued: 0 });
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

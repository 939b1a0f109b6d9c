import { once } from 'node:events';
import { request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import Fastify from 'fastify';
import t, { type Test } from 'tap';
import { ApiError } from '#halflight/errors.js';
import {
  STREAM_TIMING,
  sendEvents,
  sendNamedEvents,
  startOf,
  type TypedEvent,
} from '#halflight/server/sse.js';
import { FakeEngine } from '../support/fake-engine.js';
import { testServer } from '../support/server.js';

/** The reply to a request that is answered with these events. */
async function replyWith(t: Test, events: () => AsyncIterable<object>, timing = STREAM_TIMING) {
  const app = Fastify();
  t.teardown(() => app.close());
  app.get('/', (request, reply) => sendEvents({ request, reply, timing }, events()));
  return app.inject('/');
}

async function* numbers(failure?: Error): AsyncGenerator<object, void, undefined> {
  yield { i: 0 };
  yield { text: 'a\n\nb' };
  if (failure !== undefined) throw failure;
}

t.test('writes an event per object, on one line each, and [DONE]', async (t) => {
  const reply = await replyWith(t, () => numbers());
  t.equal(reply.body, 'data: {"i":0}\n\ndata: {"text":"a\\n\\nb"}\n\ndata: [DONE]\n\n');
  t.equal(reply.headers['content-type'], 'text/event-stream; charset=utf-8');
  t.equal(reply.headers['cache-control'], 'no-cache');
  t.equal(reply.headers['x-accel-buffering'], 'no');
});

t.test('writes an error as an event, and [DONE] after it', async (t) => {
  for (const [failure, code] of [
    [new ApiError('engine_failed', 'why'), 'engine_failed'],
    [new Error('secret'), 'internal_error'],
  ] as const) {
    const { body } = await replyWith(t, () => numbers(failure));
    const [, , event, done] = body.split('\n\n');
    t.match(JSON.parse(event.slice('data: '.length)), { error: { code, type: 'server_error', param: null } });
    t.equal(done, 'data: [DONE]');
    t.notMatch(body, /secret/);
  }
});

t.test('an error before the first value is thrown, and not streamed', async (t) => {
  async function* failing(): AsyncGenerator<object, void, undefined> {
    yield* [];
    throw new ApiError('queue_full', 'full');
  }
  await t.rejects(startOf(failing()), { code: 'queue_full' });
});

t.test('the first value that was waited for is not lost, nor an empty source', async (t) => {
  const seen: object[] = [];
  for await (const value of await startOf(numbers())) seen.push(value);
  t.same(seen, [{ i: 0 }, { text: 'a\n\nb' }]);
  const empty = (async function* (): AsyncGenerator<object, void, undefined> {})();
  t.same(await (await startOf(empty)).next(), { done: true, value: undefined });
});

t.test('a reader that leaves closes the source, also at the value that was waited for', async (t) => {
  let numClosed = 0;
  async function* source(): AsyncGenerator<number, void, undefined> {
    try {
      for (let i = 0; ; i++) yield i;
    } finally {
      numClosed += 1;
    }
  }
  for (const last of [0, 1]) for await (const value of await startOf(source())) if (value === last) break;
  t.equal(numClosed, 2);
});

t.test('sends each token as it comes', async (t) => {
  const app = testServer({ engine: new FakeEngine({ script: [70, 71, 72, 73], delayMs: 30 }) });
  t.teardown(() => app.close());
  await app.listen({ host: '127.0.0.1', port: 0 });
  const call = request({
    port: (app.server.address() as AddressInfo).port,
    method: 'POST',
    path: '/v1/completions',
    headers: { 'content-type': 'application/json' },
  });
  call.end(JSON.stringify({ prompt: 'Hi', stream: true }));
  const [response] = await once(call, 'response');
  const pieces: string[] = [];
  for await (const piece of response) pieces.push(String(piece));
  t.ok(pieces.length >= 4, `${pieces.length} pieces`);
  t.match(pieces.join(''), /data: \[DONE\]\n\n$/);
});

t.test('a comment is sent for each interval of silence, also before the first event', async (t) => {
  async function* slow(): AsyncGenerator<object, void, undefined> {
    await sleep(250);
    yield { i: 0 };
  }
  const timing = { ...STREAM_TIMING, keepAliveMs: 100 };
  const { body } = await replyWith(t, slow, timing);
  t.match(body, /^(: keep-alive\n\n){1,3}data: \{"i":0\}\n\ndata: \[DONE\]\n\n$/);
  const none = await replyWith(t, slow, { ...timing, keepAliveMs: 0 });
  t.notMatch(none.body, 'keep-alive');
});

t.test(
  'the first value is waited for until the stream needs a comment; an error after that is thrown within it',
  async (t) => {
    async function* failing(): AsyncGenerator<object, void, undefined> {
      await sleep(100);
      yield* [];
      throw new ApiError('queue_full', 'full');
    }
    await t.rejects(startOf(failing(), 1000), { code: 'queue_full' });
    const started = await startOf(failing(), 20);
    await t.rejects(started.next(), { code: 'queue_full' });
  },
);

t.test('a client that reads nothing is dropped and its source closed, while another goes on', async (t) => {
  let numClosed = 0;
  async function* endless(): AsyncGenerator<object, void, undefined> {
    try {
      for (;;) {
        yield { text: 'x'.repeat(4096) };
        await sleep(0);
      }
    } finally {
      numClosed += 1;
    }
  }
  const app = Fastify();
  t.teardown(() => app.close());
  const timing = { ...STREAM_TIMING, slowReaderMs: 300 };
  app.get('/', (request, reply) => sendEvents({ request, reply, timing }, endless()));
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const stalled = Array.from({ length: 5 }, () => connect(port, '127.0.0.1'));
  for (const socket of stalled) socket.pause().write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  const reader = connect(port, '127.0.0.1');
  let numRead = 0;
  reader.on('data', ({ length }) => {
    numRead += length;
  });
  reader.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  for (let i = 0; i < 200 && numClosed < 5; i++) await sleep(50);
  t.equal(numClosed, 5);
  const before = numRead;
  await sleep(200);
  t.ok(numRead > before, 'the reader that reads still gets events');
  for (const socket of [...stalled, reader]) socket.destroy();
});

/** The reply to a request that is answered with these events, under their names. */
async function namedReply(t: Test, events: () => AsyncIterable<TypedEvent>, keepAliveMs: number) {
  const app = Fastify();
  t.teardown(() => app.close());
  const describe = ({ code }: ApiError) => ({ type: 'error', code });
  const timing = { ...STREAM_TIMING, keepAliveMs };
  app.get('/', (request, reply) => sendNamedEvents({ request, reply, timing }, events(), describe));
  return app.inject('/');
}

t.test(
  'named events have their names, comments between them where they are slow, and no [DONE]',
  async (t) => {
    async function* slow(): AsyncGenerator<TypedEvent, void, undefined> {
      await sleep(250);
      yield { type: 'first' };
      await sleep(250);
      yield { type: 'second' };
    }
    const { body, headers } = await namedReply(t, slow, 100);
    t.equal(headers['content-type'], 'text/event-stream; charset=utf-8');
    t.match(
      body,
      /^(: keep-alive\n\n){1,3}event: first\ndata: \{"type":"first"\}\n\n(: keep-alive\n\n){1,3}event: second\ndata: \{"type":"second"\}\n\n$/,
    );
    t.notMatch((await namedReply(t, slow, 0)).body, 'keep-alive');
  },
);

t.test('an error among named events is the event that describes it, also after a comment', async (t) => {
  async function* failing(): AsyncGenerator<TypedEvent, void, undefined> {
    await sleep(150);
    yield* [];
    throw new ApiError('engine_failed', 'why');
  }
  const { body } = await namedReply(t, failing, 100);
  t.equal(body, ': keep-alive\n\nevent: error\ndata: {"type":"error","code":"engine_failed"}\n\n');
});

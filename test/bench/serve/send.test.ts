import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { DIALECTS } from '#halflight/bench/serve/dialects.js';
import { createSender } from '#halflight/bench/serve/send.js';
import type { RequestRecord, Target } from '#halflight/bench/serve/types.js';
import { target } from '../../support/load.js';
import { startToy, type ToyAnswer } from '../../support/toy-server.js';

const STREAM = 'data: {"choices":[{"text":"a"}]}\n\ndata: [DONE]\n\n';
const QUICK: ToyAnswer = { ttftMs: 5, itlMs: 2, numTokens: 4 };

async function answered(url: string, changes: Partial<Target> = {}): Promise<RequestRecord> {
  const sender = createSender(target(url, changes), DIALECTS.openai);
  const record = await sender.send({ prompt: [1], outputLen: 4 }, 3, () => undefined);
  sender.close();
  return record;
}

t.test('a whole answer has the times of its texts and the tokens of its usage', async (t) => {
  const { url, bodies } = await startToy(t, () => QUICK);
  const record = await answered(url, { ignoreEos: true });
  t.match(record, { sentMs: 3, error: null, usage: { inputTokens: 7, outputTokens: 4 } });
  t.equal(record.timesMs.length, 4, 'the event without text is none');
  t.ok(record.timesMs[0] >= 5 && record.endMs >= record.timesMs[3]);
  t.match(bodies, [{ prompt: [1], max_tokens: 4, ignore_eos: true }]);
});

const FAILURES: readonly [NonNullable<ToyAnswer['failure']>, RegExp][] = [
  ['refused', /^HTTP 429$/],
  ['cut off', /^(cut off|ECONNRESET)$/],
  ['silent', /^timeout$/],
  ['error in the stream', /^error in the stream$/],
  ['no text', /^no text in the answer$/],
];
for (const [failure, expected] of FAILURES) {
  t.test(`an answer that is ${failure} is a failure of its own name`, async (t) => {
    const { url } = await startToy(t, () => ({ ...QUICK, failure }));
    t.match((await answered(url, { timeoutMs: 300 })).error, expected);
  });
}

t.test('a refusal has the server’s words, as far as they are of OpenAI’s form', async (t) => {
  const bodies = ['{"error":{"message":"no such model"}}', '{"error":"busy"}', 'x'.repeat(1e6)];
  const server = createHttpServer((_request, response) => response.writeHead(404).end(bodies.shift()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  for (const reason of ['no such model', null, null]) {
    t.match(await answered(`http://127.0.0.1:${port}`), { error: 'HTTP 404', reason });
  }
});

t.test('an answer without usage is whole, its tokens unknown', async (t) => {
  const { url } = await startToy(t, () => ({ ...QUICK, failure: 'no usage' }));
  t.match(await answered(url), { error: null, usage: null });
});

t.test('a kept connection that the server has closed meanwhile is no failure', async (t) => {
  // Tells the client to keep the connection, and closes it as the next request comes.
  const server = createServer((socket) => {
    let count = 0;
    socket.on('error', () => undefined);
    socket.on('data', () => {
      count += 1;
      if (count > 1) socket.resetAndDestroy();
      else
        socket.write(
          `HTTP/1.1 200 OK\r\nconnection: keep-alive\r\ncontent-length: ${STREAM.length}\r\n\r\n${STREAM}`,
        );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const sender = createSender(target(`http://127.0.0.1:${port}`), DIALECTS.openai);
  for (let i = 0; i < 3; i++) {
    t.match(await sender.send({ prompt: [1], outputLen: 4 }, 0, () => undefined), { error: null });
    // The connection goes back to the agent in the next turn.
    await sleep(5);
  }
  sender.close();
});

t.test('where nobody listens, that is the error', async (t) => {
  t.match(await answered('http://127.0.0.1:1'), { error: 'ECONNREFUSED', timesMs: [] });
});

import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import { createLocalEngine } from '#halflight/engine/local.js';
import type { ModelRunner } from '#halflight/engine/model-runner.js';
import { ENGINE_DEFAULTS } from '#halflight/engine/options.js';
import { MAX_LOGPROBS, RESULT } from '#halflight/ops/result-layout.js';
import { fakeModel } from '../support/fake-runner.js';
import { post } from '../support/requests.js';
import { events, testServer } from '../support/server.js';

const NUM_STALLED = Number(process.env.SLOW_READERS ?? 30);
/** More than the sockets of a machine take, which is some MB. */
const NUM_TOKENS = 6000;
const MAX_HELD_BYTES = 256 * 1024;

t.setTimeout(240_000);

/** Any tokens at all, at once. */
const runner: ModelRunner = {
  run: async ({ logitsRows }) => {
    const words = new Uint32Array(logitsRows.length * RESULT.words);
    for (let row = 0; row < logitsRows.length; row++) {
      const at = row * RESULT.words;
      words[at] = 300 + row;
      for (let i = 0; i < MAX_LOGPROBS; i++) words[at + RESULT.topIds + i] = 400 + i;
    }
    return { words, gpuMs: null };
  },
  dispatchesPerStep: 0,
  lost: new Promise(() => undefined),
  destroy: () => undefined,
};

const shape = {
  numBlocks: NUM_STALLED * Math.ceil(NUM_TOKENS / 16 + 4) + 64,
  blockSize: 16,
  maxModelLen: NUM_TOKENS + 64,
};
const model = fakeModel(shape, runner);
const engine = createLocalEngine(
  { ...model, vocabSize: 2048, info: { ...model.info, maxNumSeqs: NUM_STALLED + 1 } },
  { ...ENGINE_DEFAULTS, maxNumSeqs: NUM_STALLED + 1 },
);
const app = testServer({ engine, timing: { keepAliveMs: 15_000, slowReaderMs: 200_000 } });
t.teardown(async () => {
  app.server.closeAllConnections();
  await app.close();
  await engine.close();
});
const url = await app.listen({ host: '127.0.0.1', port: 0 });
const { port } = app.server.address() as AddressInfo;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function heldBytes(): number {
  collectGarbage();
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** The longest events there are. */
const BODY = {
  messages: [{ role: 'user', content: 'Hi' }],
  ignore_eos: true,
  logprobs: true,
  top_logprobs: MAX_LOGPROBS,
};

/** Asks for a stream, and reads nothing of it. */
function stall(numTokens: number): Socket {
  const body = JSON.stringify({ ...BODY, max_tokens: numTokens, stream: true });
  const head = [
    'POST /v1/chat/completions HTTP/1.1',
    'host: a',
    'content-type: application/json',
    `content-length: ${body.length}`,
  ];
  const socket = connect(port, '127.0.0.1').pause();
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  return socket;
}

async function stallUntilIdle(count: number, numTokens: number): Promise<readonly Socket[]> {
  numGenerated = 0;
  const sockets = Array.from({ length: count }, () => stall(numTokens));
  await sleep(1000);
  await untilIdle();
  return sockets;
}

async function untilIdle(): Promise<void> {
  // A sequence that was paused last is in no step, so none tells of it.
  for (let last = -1; last !== numGenerated; ) {
    last = numGenerated;
    await sleep(1000);
  }
}

let numGenerated = 0;
engine.onStep(({ stepGenerationTokens }) => {
  numGenerated += stepGenerationTokens;
});

t.test('readers that read nothing hold up nobody, and 256 KiB each at most', async (t) => {
  // What a first request makes is made once.
  await stallUntilIdle(5, 500);
  const before = heldBytes();
  const sockets = await stallUntilIdle(NUM_STALLED, NUM_TOKENS);
  const held = (heldBytes() - before) / NUM_STALLED;
  t.comment({ heldBytes: held, tokensEach: numGenerated / NUM_STALLED });
  t.ok(numGenerated < 0.9 * NUM_STALLED * NUM_TOKENS, `${numGenerated} tokens: they were paused`);
  t.ok(held < MAX_HELD_BYTES, `${Math.round(held / 1024)} KiB each`);
  const answer = await post(url, '/v1/chat/completions', { ...BODY, max_tokens: 200, stream: true });
  t.equal(events(await answer.text()).at(-1), '[DONE]');
  for (const socket of sockets) socket.destroy();
  for (let i = 0; i < 100 && engine.stats().numWaiting > 0; i++) await sleep(50);
  t.match(engine.stats(), { numRunning: 0, numWaiting: 0, kvUsage: 0 });
});

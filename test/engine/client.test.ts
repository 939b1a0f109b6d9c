import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { createEngine, EngineClient } from '#halflight/engine/client.js';
import { createLocalEngine } from '#halflight/engine/local.js';
import { ENGINE_DEFAULTS } from '#halflight/engine/options.js';
import {
  type EngineCommand,
  type EngineEvent,
  encodeError,
  type Transport,
} from '#halflight/engine/protocol.js';
import type { Engine, GenerateRequest, TokenOutput } from '#halflight/engine/types.js';
import { ApiError } from '#halflight/errors.js';
import { expectedAnswer, expectedEmbedding, fakeModel, fakeRequest } from '../support/fake-runner.js';
import type { FakeBehaviour } from '../support/fake-worker.js';

const WORKER_URL = new URL('../support/fake-worker.js', import.meta.url);
const SHAPE = { numBlocks: 64, blockSize: 16, maxModelLen: 512 };
const LONG = { maxTokens: 400 };

function workerEngine(behaviour: FakeBehaviour = 'ok', stepTimeoutMs = 5_000): Promise<Engine> {
  const options = { ...ENGINE_DEFAULTS, modelDir: behaviour, stepTimeoutMs };
  return createEngine(options, { workerUrl: WORKER_URL });
}

async function collect(outputs: AsyncIterable<TokenOutput>): Promise<TokenOutput[]> {
  const collected: TokenOutput[] = [];
  for await (const output of outputs) collected.push(output);
  return collected;
}

/** The error that ends the generation, after the tokens that came before it. */
async function failure(outputs: AsyncIterable<TokenOutput>): Promise<{ numTokens: number; error: unknown }> {
  let numTokens = 0;
  try {
    for await (const _ of outputs) numTokens += 1;
  } catch (error) {
    return { numTokens, error };
  }
  return { numTokens, error: null };
}

async function until(condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition(); waited += 2) {
    if (waited > 4_000) throw new Error('the condition did not come true in 4 s');
    await sleep(2);
  }
}

const isIdle = (engine: Engine): boolean => {
  const { numRunning, numWaiting, kvUsage } = engine.stats();
  return numRunning + numWaiting + kvUsage === 0;
};

const ENGINES: Record<string, () => Promise<Engine>> = {
  'a worker': () => workerEngine(),
  'the calling thread': async () =>
    createLocalEngine(fakeModel(SHAPE), {
      maxNumSeqs: 16,
      maxNumBatchedTokens: 512,
      prefixCaching: true,
      asyncScheduling: true,
      numSpeculativeTokens: 0,
      maxPrefillMsPerStep: null,
      stepTimeoutMs: 5_000,
    }),
};

for (const [place, create] of Object.entries(ENGINES)) {
  t.test(`an engine on ${place}`, async (t) => {
    const engine = await create();
    t.after(() => engine.close());

    t.test('answers many requests at once, each with its own text', async (t) => {
      const requests = Array.from({ length: 40 }, (_, i) =>
        fakeRequest(`r${i}`, Array(1 + i).fill(i), { maxTokens: 1 + (i % 9), seed: BigInt(i) }),
      );
      const answers = await Promise.all(requests.map((request) => collect(engine.generate(request))));
      for (const [i, outputs] of answers.entries()) {
        const expected = expectedAnswer(requests[i], SHAPE.maxModelLen);
        t.same(
          outputs.map(({ tokenId }) => tokenId),
          expected.tokenIds,
        );
        t.equal(outputs.at(-1)?.finishReason, expected.finishReason);
        t.ok(outputs.slice(0, -1).every(({ finishReason }) => finishReason === null));
      }
      t.ok(isIdle(engine));
    });

    t.test('frees a sequence whose reader leaves early', async (t) => {
      for await (const _ of engine.generate(fakeRequest('a', [1, 2], LONG))) break;
      let numSteps = 0;
      engine.onStep(() => {
        numSteps += 1;
      });
      await until(() => isIdle(engine));
      t.ok(numSteps < 400, 'it was not generated to its end');
    });

    t.test('ends an aborted generation without an error, also while its reader waits', async (t) => {
      const controller = new AbortController();
      const reading = collect(engine.generate(fakeRequest('a', [1, 2], LONG), controller.signal));
      await until(() => engine.stats().numRunning === 1);
      controller.abort();
      t.ok((await reading).length < 400);
      await until(() => isIdle(engine));
    });

    t.test('adds nothing for a signal that is aborted already', async (t) => {
      t.same(await collect(engine.generate(fakeRequest('a', [1]), AbortSignal.abort())), []);
    });

    t.test('keeps two requests of one id apart', async (t) => {
      const first = engine.generate(fakeRequest('same', [1, 2, 3], LONG));
      for await (const _ of first) break;
      const again = fakeRequest('same', [9, 8, 7]);
      const outputs = await collect(engine.generate(again));
      t.same(
        outputs.map(({ tokenId }) => tokenId),
        expectedAnswer(again, SHAPE.maxModelLen).tokenIds,
      );
    });

    t.test('embeds prompts beside answers, and ends without one where the signal aborts', async (t) => {
      const prompt = Array.from({ length: 500 }, (_, i) => i % 50);
      const answer = collect(engine.generate(fakeRequest('a', [1, 2])));
      for (const pooling of ['mean', 'last'] as const) {
        const embedding = await engine.embed({ id: pooling, promptTokenIds: prompt, pooling });
        t.same([...(embedding?.values ?? [])], expectedEmbedding(prompt, pooling));
        t.match(embedding, { timeMs: Number, prompt: { numCachedTokens: Number } });
      }
      t.equal((await answer).length, 8);
      const request = { id: 'b', promptTokenIds: prompt, pooling: 'mean' } as const;
      t.equal(await engine.embed(request, AbortSignal.abort()), null);
      const controller = new AbortController();
      const aborted = engine.embed(request, controller.signal);
      controller.abort();
      t.equal(await aborted, null);
      await until(() => isIdle(engine));
      await t.rejects(engine.embed({ ...request, promptTokenIds: Array(600).fill(1) }), {
        code: 'context_length_exceeded',
      });
    });

    t.test('pauses an answer whose reader lags, and goes on where it was when that catches up', async (t) => {
      const request = fakeRequest('a', [1, 2], LONG);
      const tokenIds: number[] = [];
      for await (const { tokenId } of engine.generate(request)) {
        tokenIds.push(tokenId);
        if (tokenIds.length !== 20) continue;
        await until(() => engine.stats().numRunning === 1);
        // 64 tokens may wait, and some steps were on their way.
        await sleep(100);
        const others = await collect(engine.generate(fakeRequest('b', [3], { maxTokens: 5 })));
        t.equal(others.length, 5, 'others go on');
        t.match(engine.stats(), { numRunning: 0, numWaiting: 1 }, 'it holds no block meanwhile');
        t.equal(engine.stats().kvUsage, 0);
      }
      t.same(tokenIds, expectedAnswer(request, SHAPE.maxModelLen).tokenIds);
    });

    t.test('refuses what can never fit, and goes on', async (t) => {
      const tooLong = engine.generate(fakeRequest('a', Array(600).fill(1)));
      await t.rejects(collect(tooLong), { code: 'context_length_exceeded' });
      t.equal((await collect(engine.generate(fakeRequest('b', [1])))).length, 8);
    });

    t.test('reports one step per token of a lone request', async (t) => {
      const numPromptTokens: number[] = [];
      engine.onStep(({ stepPromptTokens }) => numPromptTokens.push(stepPromptTokens));
      await collect(engine.generate(fakeRequest('a', [1, 2, 3], { maxTokens: 4 })));
      t.same(numPromptTokens, [3, 0, 0, 0]);
    });
  });
}

t.test('closing ends the worker, tells running requests, and is no failure', async (t) => {
  const engine = await workerEngine();
  const running = failure(engine.generate(fakeRequest('a', [1], LONG)));
  await until(() => engine.stats().numRunning === 1);
  await engine.close();
  t.match(await running, { error: { code: 'engine_failed' } });
  await t.rejects(collect(engine.generate(fakeRequest('b', [1]))), { code: 'engine_failed' });
  t.equal(await Promise.race([engine.failed, sleep(20, 'not failed')]), 'not failed');
});

const FAILURES: Record<Exclude<FakeBehaviour, 'ok' | 'malformed'>, RegExp> = {
  exit: /exited with code 3/,
  throw: /uncaught in the worker/,
  hang: /a step took longer than 500 ms/,
  block: /silent for 1000 ms/,
  lost: /the device was lost/,
};

for (const [behaviour, reason] of Object.entries(FAILURES) as [FakeBehaviour, RegExp][]) {
  t.test(
    `when a step meets "${behaviour}", running requests are told and the engine reports why`,
    async (t) => {
      const engine = await workerEngine(behaviour, 500);
      const requests: GenerateRequest[] = ['a', 'b'].map((id) => fakeRequest(id, [1, 2], LONG));
      const ends = await Promise.all(requests.map((request) => failure(engine.generate(request))));
      for (const { numTokens, error } of ends) {
        // The fifth step is sent while the fourth runs: a thread that dies then takes the fourth's token with it.
        t.ok(numTokens === 3 || numTokens === 4, 'tokens of steps before the failure arrive, none after');
        t.match(error, { code: 'engine_failed', message: 'The engine has failed and cannot answer.' });
      }
      t.match((await engine.failed).message, reason);
      t.ok(isIdle(engine));
      await t.rejects(collect(engine.generate(fakeRequest('c', [1]))), { code: 'engine_failed' });
      await engine.close();
    },
  );
}

/** A far end that answers nothing by itself. */
class RecordingTransport implements Transport {
  readonly posts: EngineCommand[][] = [];
  emit: (event: EngineEvent) => void = () => undefined;

  post(commands: readonly EngineCommand[]): void {
    this.posts.push([...commands]);
  }

  listen(listener: (event: EngineEvent) => void): void {
    this.emit = listener;
  }

  async close(): Promise<void> {}
}

t.test('what one turn of the event loop asks travels in one message, in order', async (t) => {
  const transport = new RecordingTransport();
  const engine = new EngineClient(transport, fakeModel(SHAPE).info, 1_000);
  const controller = new AbortController();
  const reading = Array.from({ length: 20 }, (_, i) =>
    collect(engine.generate(fakeRequest(`r${i}`, [1]), controller.signal)),
  );
  controller.abort();
  await Promise.all(reading);
  await until(() => transport.posts.length > 0);
  t.same(
    transport.posts.map((commands) => commands.map(({ type }) => type)),
    [[...Array(20).fill('add'), ...Array(20).fill('abort')]],
  );
});

t.test('a refusal by the core reaches its request alone', async (t) => {
  const transport = new RecordingTransport();
  const engine = new EngineClient(transport, fakeModel(SHAPE).info, 1_000);
  const ends = ['a', 'b'].map((id) => failure(engine.generate(fakeRequest(id, [1]))));
  await until(() => transport.posts.length > 0);
  const [id] = transport.posts[0].flatMap((command) => (command.type === 'add' ? [command.request.id] : []));
  const error = encodeError(new ApiError('invalid_value', 'no', 'prompt'));
  transport.emit({ type: 'refused', id, error });
  t.match(await ends[0], { error: { code: 'invalid_value', message: 'no', param: 'prompt' } });
  await engine.close();
  t.match(await ends[1], { error: { code: 'engine_failed' } });
});

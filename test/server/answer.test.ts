import Fastify from 'fastify';
import t, { type Test } from 'tap';
import { ApiError } from '#halflight/errors.js';
import { type AnswerShape, sendAnswer } from '#halflight/server/answer.js';
import { addErrorHandling } from '#halflight/server/error-handling.js';
import type { TextChunk } from '#halflight/server/generation.js';
import type { Indexed } from '#halflight/server/merge.js';
import type { StreamParams } from '#halflight/server/params.js';
import { STREAM_TIMING } from '#halflight/server/sse.js';
import { fakeLogprobs } from '../support/fake-engine.js';
import { events } from '../support/server.js';

const USAGE = {
  prompt_tokens: 1,
  completion_tokens: 2,
  total_tokens: 3,
  prompt_tokens_details: { cached_tokens: 0 },
};

const SHAPE: AnswerShape = {
  whole: (index, { text, finishReason, logprobs }) => ({
    index,
    text,
    reason: finishReason,
    offsets: logprobs.map(({ textOffset }) => textOffset),
  }),
  rest: (choices) => ({ numChoices: choices.length, prompt: choices[0]?.promptLogprobs }),
  chunks: (index, { text }, isFirst) => [{ index, text, isFirst }],
};

function chunk(index: number, text: string, finishReason: TextChunk['finishReason'] = null) {
  const logprobs = [{ ...fakeLogprobs(5, 1), textOffset: text.charCodeAt(0) }];
  const promptLogprobs = text === 'a' ? [fakeLogprobs(7, 0)] : null;
  const told = { logprobs, promptLogprobs, tokenIds: [5] };
  return {
    index,
    value: { text, reasoning: '', calls: [], hasCalls: false, stopReason: null, finishReason, ...told },
  };
}

/** Two choices whose chunks come in turn. */
const CHUNKS = [chunk(1, 'x'), chunk(0, 'a'), chunk(1, 'y', 'length'), chunk(0, 'b', 'stop')];

async function answer(t: Test, params: StreamParams, chunks: readonly Indexed<TextChunk>[], failure?: Error) {
  const app = Fastify();
  t.teardown(() => app.close());
  addErrorHandling(app);
  async function* run(): AsyncGenerator<Indexed<TextChunk>, void, undefined> {
    yield* chunks;
    if (failure !== undefined) throw failure;
  }
  const envelope = (streaming: boolean) => ({
    id: 'id',
    object: streaming ? 'part' : 'whole',
    created: 7,
    model: 'm',
    system_fingerprint: null,
  });
  app.get('/', (request, reply) =>
    sendAnswer(
      { request, reply, timing: STREAM_TIMING },
      { run: { chunks: run(), usage: () => USAGE }, shape: SHAPE, numChoices: 2, envelope },
      params,
    ),
  );
  return app.inject('/');
}

t.test('a whole answer joins the chunks of each choice, in the order of the choices', async (t) => {
  const reply = await answer(t, { stream: false, includeUsage: false, continuousUsage: false }, CHUNKS);
  t.same(reply.json(), {
    id: 'id',
    object: 'whole',
    created: 7,
    model: 'm',
    system_fingerprint: null,
    choices: [
      { index: 0, text: 'ab', reason: 'stop', offsets: [97, 98] },
      { index: 1, text: 'xy', reason: 'length', offsets: [120, 121] },
    ],
    usage: USAGE,
    numChoices: 2,
    prompt: [fakeLogprobs(7, 0)],
  });
});

t.test('a stream marks the first chunk of each choice', async (t) => {
  const { body } = await answer(t, { stream: true, includeUsage: false, continuousUsage: false }, CHUNKS);
  const parts = events(body)
    .slice(0, -1)
    .map((data) => JSON.parse(data));
  t.same(
    parts.map(({ choices }) => choices),
    [
      [{ index: 1, text: 'x', isFirst: true }],
      [{ index: 0, text: 'a', isFirst: true }],
      [{ index: 1, text: 'y', isFirst: false }],
      [{ index: 0, text: 'b', isFirst: false }],
    ],
  );
  t.ok(parts.every((part) => part.object === 'part' && part.id === 'id' && !('usage' in part)));
});

t.test('the usage comes last and alone, and is null before', async (t) => {
  const { body } = await answer(t, { stream: true, includeUsage: true, continuousUsage: false }, CHUNKS);
  const parts = events(body)
    .slice(0, -1)
    .map((data) => JSON.parse(data));
  t.match(parts.pop(), { object: 'part', choices: [], usage: USAGE });
  t.same(
    parts.map(({ usage }) => usage),
    [null, null, null, null],
  );
});

t.test('a failure is a status while nothing is sent, and for a whole answer always', async (t) => {
  const failure = new ApiError('engine_failed', 'why');
  const status = async (stream: boolean, chunks: readonly Indexed<TextChunk>[]) =>
    (await answer(t, { stream, includeUsage: false, continuousUsage: false }, chunks, failure)).statusCode;
  t.equal(await status(true, []), 503);
  t.equal(await status(false, []), 503);
  t.equal(await status(false, CHUNKS), 503);
  t.equal(await status(true, CHUNKS), 200);
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Fastify from 'fastify';
import t from 'tap';
import { createEngine, createServer, type TextPiece } from '#halflight/index.js';
import { fable } from '../support/models.js';

const engine = await createEngine(fable, { maxNumSeqs: 4 });
t.teardown(() => engine.close());
const { prompts } = JSON.parse(readFileSync(join(fable, 'reference.json'), 'utf8')) as {
  prompts: { text: string; greedy: string }[];
};
const greedy = { temperature: 0, maxTokens: 12 };

async function textOf(pieces: AsyncIterable<TextPiece>): Promise<string> {
  let text = '';
  for await (const piece of pieces) text += piece.text;
  return text;
}

t.test('completes a text as transformers does', async (t) => {
  const [prompt] = prompts;
  const text = await textOf(engine.complete(prompt?.text ?? '', { temperature: 0, maxTokens: 40 }));
  t.equal(text, prompt?.greedy.slice(0, text.length));
});

t.test('the last piece tells why the text ends', async (t) => {
  const reasons: TextPiece['finishReason'][] = [];
  for await (const { finishReason } of engine.complete('Once upon a time', greedy))
    reasons.push(finishReason);
  t.equal(reasons.at(-1), 'length');
  t.ok(reasons.slice(0, -1).every((reason) => reason === null));
});

t.test('a stop string ends the text and does not show', async (t) => {
  const whole = await textOf(engine.complete('Once upon a time', greedy));
  const stop = whole.slice(4, 9);
  t.equal(
    await textOf(engine.complete('Once upon a time', { ...greedy, stop: [stop] })),
    whole.slice(0, whole.indexOf(stop)),
  );
});

t.test('an aborted signal ends the text without an error', async (t) => {
  const controller = new AbortController();
  let count = 0;
  for await (const _ of engine.complete('Once upon a time', {
    maxTokens: 500,
    ignoreEos: true,
    signal: controller.signal,
  })) {
    if (++count === 3) controller.abort();
  }
  t.ok(count < 20, `${count} pieces`);
});

t.test('a prompt that leaves no room is refused', async (t) => {
  const prompt = new Array<number>(engine.engine.info.maxModelLen).fill(7);
  await t.rejects(textOf(engine.complete(prompt)), { code: 'context_length_exceeded' });
});

t.test('the same engine answers within another Fastify application and behind the API', async (t) => {
  const messages = [{ role: 'user', content: 'Tell me a story.' }];
  const own = Fastify();
  own.post('/story', async () => ({ story: await textOf(engine.chat(messages, greedy)) }));
  const api = await createServer({ engines: [engine] });
  t.teardown(() => Promise.all([own.close(), api.close()]));
  const payload = { model: 'fable', messages, temperature: 0, max_tokens: 12 };
  const [mine, theirs] = await Promise.all([
    own.inject({ method: 'POST', url: '/story' }),
    api.inject({ method: 'POST', url: '/v1/chat/completions', payload }),
  ]);
  t.equal(mine.json().story, theirs.json().choices[0].message.content);
});

import { MessageChannel } from 'node:worker_threads';
import t from 'tap';
import { clock, type FromGrammarThread, PROGRESS } from '#halflight/grammar/protocol.js';
import { runGrammarThread } from '#halflight/grammar/worker-main.js';
import { EOS, tokenizer } from '../support/grammars.js';
import { fable } from '../support/models.js';

t.test('a thread answers checks and masks, and tells what it works on', async (t) => {
  const { port1, port2 } = new MessageChannel();
  t.teardown(() => port1.close());
  const progress = new Int32Array(new SharedArrayBuffer(4 * PROGRESS.words));
  const messages: FromGrammarThread[] = [];
  const next = (count: number) =>
    new Promise<void>((resolve) => {
      port1.on('message', (message: FromGrammarThread) => {
        messages.push(message);
        if (messages.length === count) resolve();
      });
    });
  const answered = next(2);
  await runGrammarThread(port2, {
    modelDir: fable,
    vocabSize: tokenizer.vocabSize,
    eosTokenIds: [EOS],
    progress,
  });
  const grammar = { spec: { type: 'literal', text: 'a' } } as const;
  port1.postMessage({
    type: 'work',
    requests: [
      { type: 'check', id: 1, grammar },
      { type: 'masks', id: 2, matcher: 0, start: { grammar, stopTokenIds: [] }, tokenIds: [], drafts: [] },
    ],
  });
  await answered;
  t.match(messages, [
    { type: 'ready' },
    {
      type: 'answers',
      answers: [
        { id: 1, ok: true, masks: null },
        { id: 2, ok: true },
      ],
    },
  ]);
  t.equal(Atomics.load(progress, PROGRESS.request), 2);
  t.ok(clock() - Atomics.load(progress, PROGRESS.since) < 60_000);
});

import t from 'tap';
import { GrammarThread } from '#halflight/grammar/thread.js';
import { EOS, tokenizer } from '../support/grammars.js';
import { fable } from '../support/models.js';

const options = { modelDir: fable, vocabSize: tokenizer.vocabSize, eosTokenIds: [EOS], timeoutMs: 20_000 };
const check = (pattern: string) =>
  ({ type: 'check', grammar: { spec: { type: 'regex', pattern } } }) as const;

t.test('requests of one turn are answered, each its own', async (t) => {
  const thread = new GrammarThread(options);
  t.teardown(() => thread.close());
  const answers = await Promise.all([
    thread.ask(check('a')),
    thread.ask(check('(')),
    thread.ask(check('b+')),
  ]);
  t.match(answers, [{ ok: true }, { ok: false, kind: 'invalid' }, { ok: true }]);
  t.ok(thread.isOpen);
});

t.test('a closed thread loses what is asked', async (t) => {
  const thread = new GrammarThread(options);
  const asked = thread.ask(check('a'));
  await thread.close();
  t.match(await asked, { ok: false, kind: 'lost' });
  t.match(await thread.ask(check('a')), { ok: false, kind: 'lost' });
  t.notOk(thread.isOpen);
});

import t from 'tap';
import { GrammarService } from '#halflight/grammar/service.js';
import type { Grammar } from '#halflight/grammar/spec.js';
import { EOS, tokenizer } from '../support/grammars.js';
import { fable } from '../support/models.js';

const options = { modelDir: fable, vocabSize: tokenizer.vocabSize, eosTokenIds: [EOS], timeoutMs: 10_000 };
const encode = (text: string) =>
  tokenizer.encode(text, { addSpecialTokens: false, parseSpecialTokens: false });
const allows = ({ words }: { words: Uint32Array }, id: number) => ((words[id >>> 5] >>> (id & 31)) & 1) === 1;

function createService(t: { teardown: (f: () => Promise<void>) => void }, changes = {}): GrammarService {
  const service = new GrammarService({ ...options, ...changes });
  t.teardown(() => service.close());
  return service;
}

t.test('matchers tell what may follow, each its own text', async (t) => {
  const service = createService(t);
  const grammar: Grammar = { spec: { type: 'choice', choices: ['ab', 'cd'] } };
  const one = service.matcher(grammar, []);
  const other = service.matcher(grammar, []);
  const [a] = encode('a');
  const [b] = encode('b');
  t.ok(allows(await one.masks([], []), a));
  t.ok(allows(await one.masks([a], []), b));
  t.notOk(allows(await other.masks([], []), b));
  t.ok(allows(await one.masks([a, b], []), EOS));
  one.close();
  other.close();
});

t.test('a grammar that is none is told by its field, and others go on', async (t) => {
  const service = createService(t);
  const bad = service.matcher({ spec: { type: 'regex', pattern: '(' }, field: 'guided_regex' }, []);
  const error = await bad.masks([], []).catch((reason: unknown) => reason);
  t.match(error, { code: 'invalid_grammar', param: 'guided_regex', message: /^guided_regex: At character/ });
  const good = service.matcher({ spec: { type: 'literal', text: 'a' } }, []);
  t.ok(allows(await good.masks([], []), encode('a')[0]));
});

t.test(
  'text that the grammar does not allow is an error, and the matcher of another text goes on',
  async (t) => {
    const service = createService(t);
    const grammar: Grammar = { spec: { type: 'literal', text: 'ab' } };
    const error = await service
      .matcher(grammar, [])
      .masks(encode('x'), [])
      .catch((reason: unknown) => reason);
    t.match(error, { code: 'grammar_failed' });
    t.ok(allows(await service.matcher(grammar, []).masks([], []), encode('a')[0]));
  },
);

t.test('one that takes too long is given up, and others go on', async (t) => {
  // Nested ambiguity makes the compiler run for long; the bound is what counts, so it is set far below.
  const service = createService(t, { timeoutMs: 300 });
  const heavy: Grammar = { spec: { type: 'regex', pattern: '(?:(?:[a-z]{0,300}[b-y]{0,300}){0,300})' } };
  const error = await service
    .matcher(heavy, [])
    .masks([], [])
    .catch((reason: unknown) => reason);
  t.match(error, { code: 'invalid_grammar', message: /too complex/ });
  const good = await createService(t)
    .matcher({ spec: { type: 'literal', text: 'a' } }, [])
    .masks([], []);
  t.ok(allows(good, encode('a')[0]));
});

t.test('a thread that cannot start is no fault of the grammar, and is not remembered', async (t) => {
  const service = createService(t, { workerUrl: new URL('./no-such-file.js', import.meta.url) });
  const grammar: Grammar = { spec: { type: 'literal', text: 'a' } };
  const error = await service
    .matcher(grammar, [])
    .masks([], [])
    .catch((reason: unknown) => reason);
  t.match(error, { code: 'internal_error' });
  t.match(await service.verdict(grammar), { code: 'internal_error' });
});

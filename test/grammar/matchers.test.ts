import t from 'tap';
import { GrammarError } from '#halflight/grammar/grammar-error.js';
import { Matchers } from '#halflight/grammar/matchers.js';
import { createCompiler, tokenizer } from '../support/grammars.js';

const compiler = await createCompiler();
const encode = (text: string) =>
  tokenizer.encode(text, { addSpecialTokens: false, parseSpecialTokens: false });
const start = { grammar: { spec: { type: 'regex', pattern: '(ab)*c' } }, stopTokenIds: [] } as const;
const isAllowed = (words: Uint32Array, row: number, id: number) =>
  ((words[row * Math.ceil(tokenizer.vocabSize / 32) + (id >>> 5)] >>> (id & 31)) & 1) === 1;

t.test('a matcher goes on from what it knows, and begins anew where it is told to', async (t) => {
  const matchers = new Matchers(compiler, tokenizer.vocabSize);
  const [a] = encode('a');
  const [b] = encode('b');
  const first = await matchers.masks({ type: 'masks', id: 1, matcher: 7, start, tokenIds: [], drafts: [] });
  t.ok(isAllowed(first.words, 0, a));
  t.notOk(isAllowed(first.words, 0, b));
  const second = await matchers.masks({
    type: 'masks',
    id: 2,
    matcher: 7,
    start: null,
    tokenIds: [a],
    drafts: [],
  });
  t.ok(isAllowed(second.words, 0, b));
  const anew = await matchers.masks({ type: 'masks', id: 3, matcher: 7, start, tokenIds: [], drafts: [] });
  t.strictSame(anew.words, first.words);
  t.equal(matchers.size, 1);
  matchers.forget(7);
  t.equal(matchers.size, 0);
});

t.test('drafts are followed as far as they fit, and taken back', async (t) => {
  const matchers = new Matchers(compiler, tokenizer.vocabSize);
  const [a] = encode('a');
  const [b] = encode('b');
  const ask = { type: 'masks', id: 1, matcher: 1, start, tokenIds: [], drafts: [a, b, b] } as const;
  const masks = await matchers.masks(ask);
  t.equal(masks.numDrafts, 2);
  t.ok(isAllowed(masks.words, 1, b));
  t.ok(isAllowed(masks.words, 2, a));
  const after = await matchers.masks({ ...ask, start: null, drafts: [] });
  t.ok(isAllowed(after.words, 0, a));
  t.notOk(isAllowed(after.words, 0, b));
  matchers.forget(1);
});

t.test('a token that does not fit is an error', async (t) => {
  const matchers = new Matchers(compiler, tokenizer.vocabSize);
  const tokenIds = encode('x');
  await t.rejects(
    matchers.masks({ type: 'masks', id: 1, matcher: 1, start, tokenIds, drafts: [] }),
    GrammarError,
  );
  await t.rejects(
    matchers.masks({ type: 'masks', id: 2, matcher: 9, start: null, tokenIds: [], drafts: [] }),
    /no matcher 9/,
  );
});

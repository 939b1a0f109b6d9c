import t from 'tap';
import { GrammarMasks } from '#halflight/engine/grammar-masks.js';
import { UNCHANGED_LOGITS } from '#halflight/engine/request.js';
import { Sequence } from '#halflight/engine/sequence.js';
import type { SamplingParams } from '#halflight/engine/types.js';
import { badGrammar, FAKE_GRAMMAR, FakeGrammars, type FakeRule } from '../support/fake-grammars.js';
import { FAKE_EOS, FAKE_VOCAB_SIZE, fakeRequest } from '../support/fake-runner.js';

const VOCABULARY = { size: FAKE_VOCAB_SIZE, eosTokenIds: new Set([FAKE_EOS]) };

function create(rule: FakeRule, sampling: Partial<SamplingParams> = {}) {
  const grammars = new FakeGrammars(rule);
  const told: unknown[] = [];
  const masks = new GrammarMasks(grammars, VOCABULARY, {
    onMask: ({ id }) => told.push(id),
    onRefused: ({ id }, error) => told.push([id, error]),
  });
  const all = fakeRequest('a', [], { grammar: FAKE_GRAMMAR, ...sampling }).sampling;
  return { grammars, masks, told, sequence: new Sequence('a', [1, 2], all) };
}

t.test('a sequence is held until its grammar has told what may come next', async (t) => {
  const { masks, told, sequence, grammars } = create((text) => [text.length + 5]);
  masks.start(sequence);
  t.ok(sequence.isHeld);
  t.equal(masks.numAwaited, 1);
  await masks.next();
  t.notOk(sequence.isHeld);
  t.strictSame(sequence.mask?.[0], 1 << 5);
  sequence.awaitToken(0);
  t.ok(sequence.isHeld, 'a token was drawn by the mask');
  sequence.append(5);
  masks.ask(sequence);
  await masks.next();
  t.strictSame(sequence.mask?.[0], 1 << 6);
  t.strictSame(grammars.asked, [[], [5]]);
  t.strictSame(told, ['a', 'a']);
  masks.forget(sequence);
  t.equal(grammars.numOpen, 0);
});

t.test('a request without a grammar is not held', (t) => {
  const { masks, sequence } = create(() => [1], { grammar: undefined });
  masks.start(sequence);
  t.notOk(sequence.isHeld);
  t.equal(masks.numAwaited, 0);
  t.end();
});

t.test('a grammar that is none refuses its sequence', async (t) => {
  const { masks, told, sequence } = create(badGrammar);
  masks.start(sequence);
  await masks.next();
  t.match(told, [['a', { code: 'invalid_grammar', param: 'x' }]]);
});

t.test('where the other parameters leave no token of the grammar’s, the sequence cannot go on', async (t) => {
  const logits = { ...UNCHANGED_LOGITS, badWords: [[7]], allowedTokenIds: [7, 9] };
  const { masks, told, sequence } = create(() => [7, 8], { logits });
  masks.start(sequence);
  await masks.next();
  t.match(told, [['a', { code: 'grammar_failed' }]]);
  const ended = create(() => [FAKE_EOS], {
    logits: { ...logits, badWords: [], allowedTokenIds: null, minTokens: 2 },
  });
  ended.masks.start(ended.sequence);
  await ended.masks.next();
  t.match(ended.told, [['a', { code: 'grammar_failed' }]], 'it may end only, and must not');
});

t.test('what is told of a forgotten sequence is dropped', async (t) => {
  const { masks, told, sequence } = create(() => [1]);
  masks.start(sequence);
  const next = masks.next();
  masks.forget(sequence);
  sequence.status = 'finished';
  await next;
  t.strictSame(told, []);
  t.equal(sequence.mask, null);
});

t.test('an engine without grammars says so', (t) => {
  const events = { onMask: () => undefined, onRefused: () => undefined };
  const { sequence } = create(() => [1]);
  t.throws(() => new GrammarMasks(null, VOCABULARY, events).start(sequence), { code: 'invalid_grammar' });
  t.end();
});

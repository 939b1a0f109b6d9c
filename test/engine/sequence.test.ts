import t from 'tap';
import { Sequence, sequenceOf } from '#halflight/engine/sequence.js';
import { fakeRequest } from '../support/fake-runner.js';

const { sampling } = fakeRequest('a', [1]);

t.test('a new sequence waits, with its whole prompt to compute', async (t) => {
  const sequence = new Sequence('a', [5, 6, 7], sampling);
  t.equal(sequence.status, 'waiting');
  t.equal(sequence.numTokens, 3);
  t.equal(sequence.numOutputTokens, 0);
  t.equal(sequence.numUncomputedTokens, 3);
  t.same(sequence.blockTable, []);
});

t.test(
  'the counts follow the tokens: one to compute in decode, all of them after a preemption',
  async (t) => {
    const sequence = new Sequence('a', [5, 6, 7], sampling);
    sequence.numComputedTokens = 3;
    sequence.tokenIds.push(8);
    t.equal(sequence.numOutputTokens, 1);
    t.equal(sequence.numUncomputedTokens, 1);
    sequence.numComputedTokens = 0;
    t.equal(sequence.numUncomputedTokens, 4);
    t.equal(sequence.numPromptTokens, 3);
  },
);

t.test('a sequence grows without touching the request it came from', async (t) => {
  const prompt = [5, 6, 7];
  new Sequence('a', prompt, sampling).tokenIds.push(8);
  t.same(prompt, [5, 6, 7]);
});

t.test('a sequence to embed is complete when all its tokens are computed, and never decodes', (t) => {
  const request = {
    id: 'a',
    promptTokenIds: [5, 6, 7],
    pooling: 'mean' as const,
    cacheSalt: 's',
    priority: 3,
  };
  const sequence = sequenceOf(request, 4, 16);
  t.match(sequence, { salt: 's', priority: 3, arrival: 4, isComplete: false, isPrefilling: true });
  t.equal(sequence.numSkippableTokens, 0, 'hidden states of cached tokens are not there');
  sequence.numComputedTokens = 3;
  t.match(sequence, { isComplete: true, isPrefilling: true });
  t.equal(sequenceOf({ ...request, pooling: 'last' }, 4, 16).numSkippableTokens, 2);
  t.equal(sequenceOf(fakeRequest('b', [5, 6, 7]), 5, 16).pool, null);
  t.end();
});

t.test('an adapter is part of the salt: what it computes is not shared with others', (t) => {
  const { sampling } = fakeRequest('a', [1]);
  const salts = [{}, { salt: 'x' }, { adapter: 1 }, { adapter: 1, salt: 'x' }, { adapter: 2 }].map(
    (options) => new Sequence('a', [1], sampling, 0, options).salt,
  );
  t.equal(new Set(salts).size, salts.length);
  t.end();
});

import t from 'tap';
import { allowsToken, logitsEdits } from '#halflight/engine/logits-edits.js';
import { UNCHANGED_LOGITS } from '#halflight/engine/request.js';
import { Sequence } from '#halflight/engine/sequence.js';
import type { LogitsParams, SamplingParams } from '#halflight/engine/types.js';
import { BANNED, pendingToken } from '#halflight/ops/ops.js';
import { fakeRequest } from '../support/fake-runner.js';

const VOCABULARY = { size: 40, eosTokenIds: new Set([0]) };
/** A prompt of 1 2 and the output given. */
function sequence(
  output: readonly number[],
  logits: Partial<LogitsParams>,
  sampling: Partial<SamplingParams> = {},
): Sequence {
  const all = fakeRequest('a', [], { ...sampling, logits: { ...UNCHANGED_LOGITS, ...logits } }).sampling;
  const result = new Sequence('a', [1, 2], all);
  for (const id of output) result.append(id);
  return result;
}

function biases(of: Sequence, drafts: readonly number[] = []) {
  return logitsEdits(of, drafts, VOCABULARY)?.biases;
}

t.test('a request without parameters for the logits has no edits', async (t) => {
  t.equal(logitsEdits(new Sequence('a', [1], fakeRequest('a', [1]).sampling), [], VOCABULARY), null);
});

t.test('tokens are counted only where a penalty needs it', async (t) => {
  t.same(logitsEdits(sequence([5], {}), [], VOCABULARY)?.counts, []);
  const edits = logitsEdits(sequence([5, 2], { presencePenalty: 0.5 }), [5], VOCABULARY);
  t.same(edits?.counts, [
    { tokenId: 1, inPrompt: true, count: 0 },
    { tokenId: 2, inPrompt: true, count: 1 },
    { tokenId: 5, inPrompt: false, count: 2 },
  ]);
  t.match(edits, { presence: 0.5, frequency: 0, repetition: 1, pending: null });
});

t.test(
  'end and stop tokens are banned until there are enough tokens, pending ones and drafts included',
  async (t) => {
    const banned = [
      { tokenId: 0, bias: BANNED, after: null },
      { tokenId: 9, bias: BANNED, after: null },
    ];
    const stops = { stopTokenIds: [9] };
    t.same(biases(sequence([5], { minTokens: 2 }, stops)), banned);
    t.same(biases(sequence([5, 6], { minTokens: 2 }, stops)), []);
    t.same(biases(sequence([5], { minTokens: 2 }, stops), [7]), []);
    const waiting = sequence([5], { minTokens: 2 }, stops);
    waiting.awaitToken(3);
    t.same(biases(waiting), []);
    t.equal(logitsEdits(waiting, [], VOCABULARY)?.pending, pendingToken(3));
  },
);

t.test('a ban outweighs a bias', async (t) => {
  const biased = sequence([], {
    minTokens: 1,
    logitBias: [
      [0, 5],
      [3, -2],
    ],
  });
  t.same(biases(biased), [
    { tokenId: 0, bias: BANNED, after: null },
    { tokenId: 3, bias: -2, after: null },
  ]);
});

t.test('a bad word is banned where the output, and not the prompt, is one token short of it', async (t) => {
  const badWords = [[7], [5, 6, 8], [2, 9]];
  const ban = (tokenId: number, after: number | null = null) => ({ tokenId, bias: BANNED, after });
  t.same(biases(sequence([], { badWords })), [ban(7)]);
  t.same(biases(sequence([4, 5, 6], { badWords })), [ban(7), ban(8)]);
  t.same(biases(sequence([4, 5], { badWords }), [6]), [ban(7), ban(8)]);
  const waiting = sequence([4, 5], { badWords });
  waiting.awaitToken(0);
  t.same(
    biases(waiting),
    [ban(7), ban(8, 6), ban(9, 2)],
    'if the token on its way is the one before the last',
  );
});

t.test('allowed tokens are a bit each', async (t) => {
  const edits = logitsEdits(sequence([], { allowedTokenIds: [0, 5, 33] }), [], VOCABULARY);
  t.same([...(edits?.allowed ?? [])], [0b10_0001, 0b10]);
});

t.test('a mask of a grammar allows no more than both it and the request do', (t) => {
  const masked = (logits: Partial<LogitsParams> | null) => {
    const result =
      logits === null ? new Sequence('a', [1], fakeRequest('a', [1]).sampling) : sequence([], logits);
    result.mask = Uint32Array.of(0b1110, 1);
    return logitsEdits(result, [], VOCABULARY);
  };
  t.match(masked(null), { repetition: 1, biases: [], allowed: Uint32Array.of(0b1110, 1) });
  t.strictSame(masked({ allowedTokenIds: [0, 2, 3] })?.allowed, Uint32Array.of(0b1100, 0));
  t.end();
});

t.test('a token is left unless all that are allowed are banned', (t) => {
  const edits = (allowed: Uint32Array | null, ...banned: number[]) => {
    const base = logitsEdits(sequence([], {}), [], VOCABULARY);
    if (base === null) throw new Error('no edits');
    return { ...base, allowed, biases: banned.map((tokenId) => ({ tokenId, bias: BANNED, after: null })) };
  };
  t.ok(allowsToken(edits(null, 1)));
  t.ok(allowsToken(edits(Uint32Array.of(0b110, 0), 1)));
  t.notOk(allowsToken(edits(Uint32Array.of(0b110, 1), 1, 2, 32)));
  t.notOk(allowsToken(edits(Uint32Array.of(0, 0))));
  t.end();
});

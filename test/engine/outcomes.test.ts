import t from 'tap';
import { layOutStep } from '#halflight/engine/batch.js';
import { OutcomeReader } from '#halflight/engine/outcomes.js';
import { Sequence } from '#halflight/engine/sequence.js';
import type { SamplingParams } from '#halflight/engine/types.js';
import { FAKE_EOS, fakeRequest, sampledTokens } from '../support/fake-runner.js';

const SHAPE = {
  blockSize: 16,
  maxBlocksPerSequence: 1,
  vocabulary: { size: 61, eosTokenIds: new Set([FAKE_EOS]) },
};

/** A sequence of three tokens whose last is computed with drafts, and its step. */
function drafted(drafts: readonly number[], sampling: Partial<SamplingParams> = {}) {
  const sequence = new Sequence('a', [1, 2, 3], fakeRequest('a', [], sampling).sampling);
  sequence.blockTable.push(0);
  sequence.numComputedTokens = 2;
  sequence.draftTokenIds = drafts;
  const step = layOutStep([{ sequence, numTokens: 1 + drafts.length, numDrafts: drafts.length }], SHAPE);
  sequence.numComputedTokens += 1 + drafts.length;
  sequence.awaitToken(0);
  return { sequence, step };
}

function read(reader: OutcomeReader, step: ReturnType<typeof drafted>['step'], sampled: readonly number[]) {
  return reader.read(step, sampledTokens(sampled), 50).map(({ output }) => output);
}

t.test(
  'drafts that hold come out at once, with the token after them; the others are computed again',
  async (t) => {
    const reader = new OutcomeReader(new Set([FAKE_EOS]));
    const { sequence, step } = drafted([5, 6, 7]);
    const [output] = read(reader, step, [5, 6, 9, 8]);
    t.same(output.tokenIds, [5, 6, 9]);
    t.same(sequence.tokenIds, [1, 2, 3, 5, 6, 9]);
    t.equal(sequence.numComputedTokens, 5);
    t.equal(sequence.numPendingTokens, 0);
    t.same(reader.speculation, { numDrafts: 1, numDraftTokens: 3, numAcceptedTokens: 2 });
  },
);

t.test('what follows an end token within the drafts is dropped', async (t) => {
  const reader = new OutcomeReader(new Set([FAKE_EOS]));
  const { sequence, step } = drafted([5, FAKE_EOS, 6], { ignoreEos: false });
  const [output] = read(reader, step, [5, FAKE_EOS, 6, 7]);
  t.match(output, { tokenIds: [5, FAKE_EOS], finishReason: 'stop' });
  t.same(sequence.tokenIds.slice(3), [5, FAKE_EOS]);
});

t.test('a sequence that has finished meanwhile gets nothing', async (t) => {
  const reader = new OutcomeReader(new Set([FAKE_EOS]));
  const { sequence, step } = drafted([]);
  sequence.status = 'finished';
  t.same(read(reader, step, [5]), []);
  t.same(sequence.tokenIds, [1, 2, 3]);
});

t.test('log-probabilities come with their tokens, those of the prompt with the first', async (t) => {
  const reader = new OutcomeReader(new Set([FAKE_EOS]));
  const sampling = { numLogprobs: 0, numPromptLogprobs: 0 };
  const { sequence, step } = drafted([5], sampling);
  sequence.promptLogprobs.push({ tokenId: 2, logprob: -1, rank: 2, top: [] });
  const [first] = read(reader, step, [5, 6]);
  t.same(
    first.logprobs?.map(({ tokenId }) => tokenId),
    [5, 6],
  );
  t.same(
    first.promptLogprobs?.map(({ tokenId }) => tokenId),
    [2],
  );
  sequence.numComputedTokens = 4;
  const next = layOutStep([{ sequence, numTokens: 1, numDrafts: 0 }], SHAPE);
  const [second] = read(reader, next, [7]);
  t.equal(second.promptLogprobs, undefined);
});

t.test('an end token ends a text that follows a grammar, also where it is to be ignored', (t) => {
  const grammar = { spec: { type: 'literal', text: 'x' } } as const;
  for (const [sampling, reason] of [
    [{ ignoreEos: true }, null],
    [{ ignoreEos: true, grammar }, 'stop'],
  ] as const) {
    const { step } = drafted([], sampling);
    t.equal(read(new OutcomeReader(new Set([FAKE_EOS])), step, [FAKE_EOS])[0].finishReason, reason);
  }
  t.end();
});

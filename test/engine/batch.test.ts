import t from 'tap';
import { layOutStep } from '#halflight/engine/batch.js';
import { Sequence } from '#halflight/engine/sequence.js';
import { pendingToken } from '#halflight/ops/ops.js';
import { fakeRequest } from '../support/fake-runner.js';

const vocabulary = { size: 64, eosTokenIds: new Set([0]) };

t.test('a batch holds decode, a last chunk and a first chunk one after another', async (t) => {
  const decoding = sequence([10, 11, 12, 13, 14], 4, [7, 2]);
  const ending = sequence([20, 21, 22], 1, [5]);
  const starting = sequence([30, 31, 32, 33, 34, 35], 0, [1]);
  const { batch, sampled } = layOutStep(
    [
      { sequence: decoding, numTokens: 1, numDrafts: 0 },
      { sequence: ending, numTokens: 2, numDrafts: 0 },
      { sequence: starting, numTokens: 4, numDrafts: 0 },
    ],
    { blockSize: 4, maxBlocksPerSequence: 3, vocabulary },
  );
  t.equal(batch.numTokens, 7);
  t.equal(batch.numSequences, 3);
  t.same([...batch.tokenIds], [14, 21, 22, 30, 31, 32, 33]);
  t.same([...batch.positions], [4, 1, 2, 0, 1, 2, 3]);
  t.same([...batch.slotMapping], [8, 21, 22, 4, 5, 6, 7]);
  t.same([...batch.sequenceIds], [0, 1, 1, 2, 2, 2, 2]);
  t.same([...batch.blockTables], [7, 2, 0, 5, 0, 0, 1, 0, 0]);
  t.same([...batch.logitsRows], [0, 2]);
  t.same(
    batch.sampling.map(({ position }) => position),
    [5, 3],
  );
  t.same(
    sampled.map(({ sequence, firstRow }) => [sequence, firstRow]),
    [
      [decoding, 0],
      [ending, 1],
    ],
  );
});

t.test('a step of chunks alone samples nothing', async (t) => {
  const { batch } = layOutStep([{ sequence: sequence([1, 2, 3], 0, [0]), numTokens: 2, numDrafts: 0 }], {
    blockSize: 4,
    maxBlocksPerSequence: 1,
    vocabulary,
  });
  t.equal(batch.logitsRows.length, 0);
  t.same(batch.sampling, []);
});

t.test('a sampling row carries the parameters and the seed as two words, low first', async (t) => {
  const { sampling } = fakeRequest('a', [1], {
    temperature: 0.7,
    topK: 3,
    topP: 0.9,
    minP: 0.1,
    seed: 0x0123_4567_89ab_cdefn,
  });
  const item = { sequence: new Sequence('a', [1, 2], sampling), numTokens: 2, numDrafts: 0 };
  item.sequence.blockTable.push(0);
  const [row] = layOutStep([item], { blockSize: 4, maxBlocksPerSequence: 1, vocabulary }).batch.sampling;
  t.same(row, {
    temperature: 0.7,
    topK: 3,
    topP: 0.9,
    minP: 0.1,
    seed: [0x89ab_cdef, 0x0123_4567],
    position: 2,
    edits: null,
    numLogprobs: null,
  });
});

t.test('a seed outside of 64 bits is taken modulo 2^64', async (t) => {
  const seeds = [-1n, 2n ** 64n + 5n].map((seed) => {
    const item = {
      sequence: new Sequence('a', [1], fakeRequest('a', [1], { seed }).sampling),
      numTokens: 1,
      numDrafts: 0,
    };
    item.sequence.blockTable.push(0);
    return layOutStep([item], { blockSize: 4, maxBlocksPerSequence: 1, vocabulary }).batch.sampling[0].seed;
  });
  t.same(seeds, [
    [0xffff_ffff, 0xffff_ffff],
    [5, 0],
  ]);
});

t.test('a token that the host does not know yet is named by its row of the results before', async (t) => {
  const waiting = sequence([1, 2, 3], 3, [5]);
  waiting.awaitToken(6);
  const { batch } = layOutStep([{ sequence: waiting, numTokens: 1, numDrafts: 0 }], {
    blockSize: 4,
    maxBlocksPerSequence: 1,
    vocabulary,
  });
  t.same([...batch.tokenIds], [pendingToken(6)]);
  t.same([...batch.positions], [3]);
  t.equal(batch.sampling[0].position, 4);
  waiting.awaitToken(0);
  t.throws(() =>
    layOutStep([{ sequence: waiting, numTokens: 2, numDrafts: 0 }], {
      blockSize: 4,
      maxBlocksPerSequence: 1,
      vocabulary,
    }),
  );
});

t.test('drafts are computed behind the last token, and each adds a row of its own to sample', async (t) => {
  const guessing = sequence([1, 2, 3], 2, [5, 6]);
  guessing.draftTokenIds = [7, 8, 9];
  const { batch, sampled } = layOutStep([{ sequence: guessing, numTokens: 3, numDrafts: 2 }], {
    blockSize: 4,
    maxBlocksPerSequence: 2,
    vocabulary,
  });
  t.same([...batch.tokenIds], [3, 7, 8]);
  t.same([...batch.slotMapping], [22, 23, 24]);
  t.same([...batch.logitsRows], [0, 1, 2]);
  t.same(
    batch.sampling.map(({ position }) => position),
    [3, 4, 5],
  );
  t.same(sampled, [{ sequence: guessing, firstRow: 0, drafts: [7, 8] }]);
});

t.test(
  'a prompt to tell of takes rows behind those that sample, one for each token that follows',
  async (t) => {
    const { sampling } = fakeRequest('told', [], { numPromptLogprobs: 2 });
    const told = new Sequence('told', [10, 11, 12, 13], sampling);
    told.numComputedTokens = 1;
    told.numScoredTokens = 1;
    told.blockTable.push(0);
    const decoding = sequence([1, 2], 1, [1]);
    const { batch, scored } = layOutStep(
      [
        { sequence: told, numTokens: 3, numDrafts: 0 },
        { sequence: decoding, numTokens: 1, numDrafts: 0 },
      ],
      { blockSize: 4, maxBlocksPerSequence: 1, vocabulary },
    );
    t.same([...batch.logitsRows], [2, 3, 0, 1]);
    t.same(batch.scoring, [
      { target: 12, numLogprobs: 2 },
      { target: 13, numLogprobs: 2 },
    ]);
    t.same(scored, [{ sequence: told, firstRow: 2, targets: [12, 13] }]);
  },
);

function sequence(tokenIds: readonly number[], numComputed: number, blockTable: readonly number[]): Sequence {
  const result = new Sequence('s', tokenIds, fakeRequest('s', tokenIds).sampling);
  result.numComputedTokens = numComputed;
  result.blockTable.push(...blockTable);
  return result;
}

t.test('hidden states are told of the tokens of a sequence to embed, which samples nothing', (t) => {
  const embedded = new Sequence('e', [10, 11, 12, 13], fakeRequest('e', [1]).sampling, 0, {
    pooling: 'mean',
  });
  embedded.blockTable.push(0);
  embedded.numComputedTokens = 1;
  const decoding = sequence([1, 2, 3], 2, [1]);
  const { batch, sampled, pooled } = layOutStep(
    [
      { sequence: decoding, numTokens: 1, numDrafts: 0 },
      { sequence: embedded, numTokens: 3, numDrafts: 0 },
    ],
    { blockSize: 4, maxBlocksPerSequence: 1, vocabulary },
  );
  t.same([...batch.logitsRows], [0]);
  t.same(
    sampled.map(({ sequence }) => sequence),
    [decoding],
  );
  t.same(pooled, [{ sequence: embedded, firstToken: 1, position: 1, numTokens: 3 }]);
  t.end();
});

t.test('a step tells the adapters of its sequences, where some have one', (t) => {
  const { sampling } = fakeRequest('a', [1]);
  const item = (adapter: number) => {
    const sequence = new Sequence('a', [1], sampling, 0, { adapter });
    sequence.blockTable.push(0);
    return { sequence, numTokens: 1, numDrafts: 0 };
  };
  const shape = {
    blockSize: 4,
    maxBlocksPerSequence: 1,
    vocabulary: { size: 61, eosTokenIds: new Set<number>() },
  };
  t.strictSame(layOutStep([item(0), item(2)], shape).batch.adapters, Uint32Array.of(0, 2));
  t.equal(layOutStep([item(0), item(0)], shape).batch.adapters, undefined);
  t.end();
});

import t from 'tap';
import { buildBatch } from '#halflight/engine/batch.js';
import { Sequence } from '#halflight/engine/sequence.js';
import { fakeRequest } from '../support/fake-runner.js';

t.test('a batch holds decode, a last chunk and a first chunk one after another', async (t) => {
  const decoding = sequence([10, 11, 12, 13, 14], 4, [7, 2]);
  const ending = sequence([20, 21, 22], 1, [5]);
  const starting = sequence([30, 31, 32, 33, 34, 35], 0, [1]);
  const batch = buildBatch(
    [
      { sequence: decoding, numTokens: 1 },
      { sequence: ending, numTokens: 2 },
      { sequence: starting, numTokens: 4 },
    ],
    { blockSize: 4, maxBlocksPerSequence: 3 },
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
});

t.test('a step of chunks alone samples nothing', async (t) => {
  const batch = buildBatch([{ sequence: sequence([1, 2, 3], 0, [0]), numTokens: 2 }], {
    blockSize: 4,
    maxBlocksPerSequence: 1,
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
  const item = { sequence: new Sequence('a', [1, 2], sampling), numTokens: 2 };
  item.sequence.blockTable.push(0);
  const [row] = buildBatch([item], { blockSize: 4, maxBlocksPerSequence: 1 }).sampling;
  t.same(row, {
    temperature: 0.7,
    topK: 3,
    topP: 0.9,
    minP: 0.1,
    seed: [0x89ab_cdef, 0x0123_4567],
    position: 2,
  });
});

t.test('a seed outside of 64 bits is taken modulo 2^64', async (t) => {
  const seeds = [-1n, 2n ** 64n + 5n].map((seed) => {
    const item = { sequence: new Sequence('a', [1], fakeRequest('a', [1], { seed }).sampling), numTokens: 1 };
    item.sequence.blockTable.push(0);
    return buildBatch([item], { blockSize: 4, maxBlocksPerSequence: 1 }).sampling[0].seed;
  });
  t.same(seeds, [
    [0xffff_ffff, 0xffff_ffff],
    [5, 0],
  ]);
});

function sequence(tokenIds: readonly number[], numComputed: number, blockTable: readonly number[]): Sequence {
  const result = new Sequence('s', tokenIds, fakeRequest('s', tokenIds).sampling);
  result.numComputedTokens = numComputed;
  result.blockTable.push(...blockTable);
  return result;
}

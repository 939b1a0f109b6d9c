import t from 'tap';
import {
  attentionTiles,
  batchLayout,
  floatBits,
  NONE,
  ROW,
  readSamplingRow,
  writeAttentionTiles,
  writeBatchWords,
} from '#halflight/ops/batch-layout.js';
import type { Batch } from '#halflight/ops/ops.js';
import { GREEDY, NEUTRAL } from '../support/batches.js';

const CAPACITY = { maxTokens: 4, maxSequences: 2, maxBlocksPerSequence: 3, maxLogits: 3, maxSampled: 2 };
const BATCH: Batch = {
  numTokens: 3,
  numSequences: 2,
  tokenIds: Uint32Array.of(10, 11, 12),
  positions: Uint32Array.of(0, 1, 5),
  slotMapping: Uint32Array.of(20, 21, 22),
  sequenceIds: Uint32Array.of(0, 0, 1),
  blockTables: Uint32Array.of(7, 8, 9, 4, 5, 6),
  logitsRows: Uint32Array.of(1, 2, 0),
  sampling: [
    { ...GREEDY, position: 2 },
    {
      temperature: 0.5,
      topK: 40,
      topP: 0.25,
      minP: 0.125,
      seed: [0xffffffff, 3],
      position: 6,
      edits: NEUTRAL,
      numLogprobs: 5,
    },
  ],
  scoring: [{ target: 77, numLogprobs: 20 }],
};

/** Words of a row that hold nothing. */
const UNUSED = new Array<number>(ROW.words - 10).fill(0);

t.test('arrays follow one another in the order of the batch, each with room for the capacity', (t) => {
  t.strictSame(batchLayout(CAPACITY), {
    tokenIds: 0,
    positions: 4,
    slotMapping: 8,
    sequenceIds: 12,
    logitsRows: 16,
    rows: 19,
    tileCounts: 19 + 3 * ROW.words,
    tiles: 22 + 3 * ROW.words,
    adapters: 30 + 3 * ROW.words,
    blockTables: 32 + 3 * ROW.words,
    words: 32 + 3 * ROW.words + 6,
    maxLogits: 3,
  });
  t.end();
});

t.test('a batch is written where the layout says, floats as their bits', (t) => {
  const layout = batchLayout(CAPACITY);
  const words = new Uint32Array(layout.words);
  const batch = { ...BATCH, adapters: Uint32Array.of(2, 0) };
  t.equal(writeBatchWords(layout, batch, words), layout.words);
  const one = 0x3f800000;
  t.strictSame(
    [...words],
    [
      [10, 11, 12, 0],
      [0, 1, 5, 0],
      [20, 21, 22, 0],
      [0, 0, 1, 0],
      [1, 2, 0],
      [0, 0, one, 0, 0, 0, 2, 0, NONE, NONE, ...UNUSED],
      // The edited copy of row 1 lies 3 rows behind it.
      [0x3f000000, 40, 0x3e800000, 0x3e000000, 0xffffffff, 3, 6, 4, 5, NONE, ...UNUSED],
      // Of a row that is scored only what to tell is written.
      [0, 0, 0, 0, 0, 0, 0, 0, 20, 77, ...UNUSED],
      // Attention's tiles are written apart.
      new Array<number>(11).fill(0),
      [2, 0],
      [7, 8, 9, 4, 5, 6],
    ].flat(),
  );
  t.end();
});

t.test('a batch without adapters leaves none of the one before', (t) => {
  const layout = batchLayout(CAPACITY);
  const words = new Uint32Array(layout.words);
  writeBatchWords(layout, { ...BATCH, adapters: Uint32Array.of(2, 1) }, words);
  writeBatchWords(layout, BATCH, words);
  t.strictSame([...words.subarray(layout.adapters, layout.adapters + 2)], [0, 0]);
  t.end();
});

t.test('block tables come last, so that those of absent sequences need not be sent', (t) => {
  const layout = batchLayout(CAPACITY);
  const words = new Uint32Array(layout.words);
  const one = { ...BATCH, blockTables: Uint32Array.of(7, 8, 9) };
  t.equal(writeBatchWords(layout, one, words), layout.words - 3);
  t.end();
});

t.test('block tables beyond the capacity are refused', (t) => {
  const layout = batchLayout(CAPACITY);
  const large = { ...BATCH, blockTables: new Uint32Array(7) };
  t.throws(() => writeBatchWords(layout, large, new Uint32Array(layout.words)), RangeError);
  t.end();
});

t.test('neighbouring tokens at consecutive positions of a sequence share a tile, up to its size', (t) => {
  const batch = (sequenceIds: number[], positions: number[]) => ({
    numTokens: positions.length,
    sequenceIds: Uint32Array.from(sequenceIds),
    positions: Uint32Array.from(positions),
  });
  const runsOf = (tokens: ReturnType<typeof batch>) =>
    attentionTiles(tokens, 4).runs.map(({ first, count }) => [first, count]);
  t.strictSame(attentionTiles(batch([0, 1, 1, 1, 1, 1, 2], [7, 0, 1, 2, 3, 4, 5]), 4), {
    runs: [{ first: 1, count: 4 }],
    singles: [
      { first: 0, count: 1 },
      { first: 5, count: 1 },
      { first: 6, count: 1 },
    ],
  });
  t.strictSame(runsOf(batch([0, 0, 0, 0, 0, 0], [4, 5, 6, 7, 8, 9])), [
    [0, 4],
    [4, 2],
  ]);
  t.strictSame(runsOf(batch([0, 0, 1, 1], [4, 5, 6, 7])), [
    [0, 2],
    [2, 2],
  ]);
  t.strictSame(runsOf(batch([0, 0, 0], [4, 4, 3])), []);
  t.strictSame(attentionTiles(batch([], []), 4), { runs: [], singles: [] });
  t.end();
});

t.test(
  'tiles are written runs first, behind their numbers and the longest context of a single token',
  (t) => {
    const layout = batchLayout(CAPACITY);
    const words = new Uint32Array(layout.words);
    writeBatchWords(layout, BATCH, words);
    writeAttentionTiles(layout, attentionTiles(BATCH, 4), words);
    const written = () => [...words.subarray(layout.tileCounts, layout.tileCounts + 7)];
    t.strictSame(written(), [1, 1, 6, 0, 2, 2, 1]);
    writeAttentionTiles(layout, { runs: [{ first: 0, count: 2 }], singles: [] }, words);
    t.strictSame(written().slice(0, 3), [1, 0, 0], 'a run ends no context of a single token');
    t.end();
  },
);

t.test('a sampling row is read as it was written', (t) => {
  const layout = batchLayout(CAPACITY);
  const words = new Uint32Array(layout.words);
  writeBatchWords(layout, BATCH, words);
  const { edits, numLogprobs, ...options } = BATCH.sampling[1];
  t.strictSame(readSamplingRow(words, layout.rows + ROW.words), options);
  t.end();
});

t.test('floats become the bits of their nearest f32', (t) => {
  t.strictSame([0, 1, -2, 0.1].map(floatBits), [0, 0x3f800000, 0xc0000000, 0x3dcccccd]);
  t.end();
});

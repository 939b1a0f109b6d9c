import t, { type Test } from 'tap';
import { benchCapacity, CONTEXT_LEN, decodeBatch, prefillBatch } from '#halflight/bench/kernel-batches.js';
import type { Batch } from '#halflight/ops/ops.js';

const CAPACITY = benchCapacity(600);

function slotsBelong(t: Test, { numTokens, positions, sequenceIds, slotMapping, blockTables }: Batch) {
  for (let i = 0; i < numTokens; i++) {
    const row = sequenceIds[i] * CAPACITY.maxBlocksPerSequence;
    const block = blockTables[row + Math.floor(positions[i] / 16)];
    t.equal(slotMapping[i], 16 * block + (positions[i] % 16));
  }
}

t.test('sequences that decode are at the end of their context, in blocks of their own', async (t) => {
  const batch = decodeBatch(CAPACITY, 3, 100);
  t.strictSame([...batch.positions], [CONTEXT_LEN - 1, CONTEXT_LEN - 1, CONTEXT_LEN - 1]);
  t.strictSame([...batch.logitsRows], [0, 1, 2]);
  t.equal(new Set(batch.blockTables).size, 3 * CAPACITY.maxBlocksPerSequence);
  t.ok(batch.tokenIds.every((id) => id < 100));
  slotsBelong(t, batch);
});

t.test('a prompt goes from position 0 on, also beyond the context of the others', async (t) => {
  const batch = prefillBatch(CAPACITY, 600);
  t.equal(batch.numSequences, 1);
  t.equal(batch.positions[599], 599);
  t.equal(new Set(batch.slotMapping).size, 600);
  slotsBelong(t, batch);
});

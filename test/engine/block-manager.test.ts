import t from 'tap';
import { BlockManager, blocksFor, missingBlocks } from '#halflight/engine/block-manager.js';
import { Sequence } from '#halflight/engine/sequence.js';
import { fakeRequest } from '../support/fake-runner.js';

const sequence = (id: string): Sequence => new Sequence(id, [1, 2, 3], fakeRequest(id, [1]).sampling);

t.test('a block holds 16 tokens', async (t) => {
  t.same(
    [0, 1, 16, 17, 32, 33].map((numTokens) => blocksFor(numTokens, 16)),
    [0, 1, 1, 2, 2, 3],
  );
});

t.test('allocation grows a block table only as far as its tokens need', async (t) => {
  const blocks = new BlockManager(4);
  const a = sequence('a');
  blocks.allocate(a, 17);
  t.same(a.blockTable, [0, 1]);
  blocks.allocate(a, 32);
  t.same(a.blockTable, [0, 1]);
  t.equal(missingBlocks(a, 33, 16), 1);
  blocks.allocate(a, 33);
  t.same(a.blockTable, [0, 1, 2]);
  t.equal(blocks.numFree, 1);
  t.equal(blocks.usage, 0.75);
});

t.test(
  'the block that was freed first is given out first, and a sequence frees its last block first',
  async (t) => {
    const blocks = new BlockManager(3, 1);
    const [a, b, c] = ['a', 'b', 'c'].map(sequence);
    blocks.allocate(a, 2);
    blocks.allocate(b, 1);
    blocks.free(a);
    blocks.free(b);
    blocks.allocate(c, 3);
    t.same(c.blockTable, [1, 0, 2]);
    t.same(a.blockTable, []);
  },
);

t.test('more than is free is refused before anything is taken', async (t) => {
  const blocks = new BlockManager(2, 1);
  const a = sequence('a');
  t.throws(() => blocks.allocate(a, 3), { message: 'sequence a needs 3 blocks and 2 are free' });
  t.same(a.blockTable, []);
  t.equal(blocks.numFree, 2);
});

t.test('a block that is freed twice is reported', async (t) => {
  const blocks = new BlockManager(2, 1);
  const a = sequence('a');
  blocks.allocate(a, 1);
  const stale = [...a.blockTable];
  blocks.free(a);
  a.blockTable.push(...stale);
  t.throws(() => blocks.free(a), { message: 'block 0 is freed but not in use' });
});

t.test(
  'integrity names the leaked block, the block with too many holders, and the one that is held and free',
  async (t) => {
    const blocks = new BlockManager(4, 1);
    const [a, b] = ['a', 'b'].map(sequence);
    blocks.allocate(a, 2);
    blocks.allocate(b, 1);
    t.doesNotThrow(() => blocks.checkIntegrity([a, b]));
    t.throws(() => blocks.checkIntegrity([a]), {
      message: /block 2 is counted 1 times but held by nobody; block 2 has leaked/,
    });
    b.blockTable.push(0, 3);
    t.throws(() => blocks.checkIntegrity([a, b]), {
      message:
        'KV blocks are inconsistent: block 0 is counted 1 times but held by sequence a and sequence b; block 3 is counted 0 times but held by sequence b; block 3 is held and free',
    });
  },
);

t.test('a freed block is found again by its name, and shared by reference', async (t) => {
  const blocks = new BlockManager(3, 1);
  const [a, b, c] = ['a', 'b', 'c'].map(sequence);
  blocks.allocate(a, 2);
  blocks.remember(a, ['x', 'y']);
  blocks.free(a);
  t.equal(blocks.numFree, 3);
  const prefix = blocks.findPrefix(['x', 'y', 'z']);
  t.same(prefix, { blocks: [0, 1], numFree: 2 });
  blocks.acquire(b, prefix);
  t.equal(blocks.numFree, 1);
  const again = blocks.findPrefix(['x']);
  t.same(again, { blocks: [0], numFree: 0 });
  blocks.acquire(c, again);
  t.equal(blocks.numReferences(0), 2);
  blocks.checkIntegrity([b, c]);
  blocks.free(b);
  t.equal(blocks.numFree, 2, 'c still holds the first block');
  blocks.checkIntegrity([c]);
});

t.test('a prefix ends at the first block that is not cached', async (t) => {
  const blocks = new BlockManager(3, 1);
  const a = sequence('a');
  blocks.allocate(a, 2);
  blocks.remember(a, ['x', 'y']);
  t.same(blocks.findPrefix(['w', 'y']).blocks, []);
  t.same(blocks.findPrefix(['x', 'w']).blocks, [0]);
});

t.test('a block that is given out anew is no longer found, the one freed longest ago first', async (t) => {
  const blocks = new BlockManager(2, 1);
  const [a, b] = ['a', 'b'].map(sequence);
  blocks.allocate(a, 2);
  blocks.remember(a, ['x', 'y']);
  blocks.free(a);
  blocks.allocate(b, 1);
  t.same(b.blockTable, [1], 'the end of a text goes before its start');
  t.same(blocks.findPrefix(['x', 'y']).blocks, [0]);
  blocks.checkIntegrity([b]);
});

t.test('of two blocks with the same text the first keeps the name', async (t) => {
  const blocks = new BlockManager(2, 1);
  const [a, b] = ['a', 'b'].map(sequence);
  for (const each of [a, b]) {
    blocks.allocate(each, 1);
    blocks.remember(each, ['x']);
  }
  t.same(blocks.findPrefix(['x']).blocks, [0]);
  blocks.free(b);
  blocks.free(a);
  blocks.checkIntegrity([]);
});

import t from 'tap';
import { BlockManager } from '#halflight/engine/block-manager.js';
import { Scheduler } from '#halflight/engine/scheduler.js';
import { Sequence } from '#halflight/engine/sequence.js';
import { fakeRequest } from '../support/fake-runner.js';

function sequence(id: string, { numTokens }: { readonly numTokens: number }): Sequence {
  const prompt = Array.from({ length: numTokens }, (_, i) => 256 * id.charCodeAt(0) + i);
  return new Sequence(id, prompt, fakeRequest(id, prompt).sampling, id.charCodeAt(0));
}

function prompted(id: string, promptTokenIds: readonly number[], arrival: number, priority = 0): Sequence {
  return new Sequence(id, promptTokenIds, fakeRequest(id, promptTokenIds).sampling, arrival, { priority });
}

t.test('preempted sequences wait in front, the oldest foremost, and start over', async (t) => {
  const scheduler = new Scheduler(new BlockManager(4, 4), {
    prefixCaching: true,
    maxNumSeqs: 8,
    maxNumBatchedTokens: 64,
    maxScoredTokens: 32,
  });
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((id) => sequence(id, { numTokens: 4 }));
  for (const each of [a, b, c, d]) scheduler.add(each);
  scheduler.schedule();
  t.equal(scheduler.numRunning, 4);
  for (const each of [a, b, c, d]) {
    each.numComputedTokens = 4;
    each.tokenIds.push(1);
  }
  const scheduled = scheduler.schedule();
  t.same(
    scheduled.map(({ sequence }) => sequence.id),
    ['a', 'b'],
  );
  t.same(
    scheduler.sequences().map(({ id, status }) => `${id} ${status}`),
    ['a running', 'b running', 'c waiting', 'd waiting'],
  );
  t.equal(c.numComputedTokens, 0);
  t.equal(scheduler.numPreemptions, 2);
  scheduler.blocks.checkIntegrity(scheduler.sequences());
});

t.test('a finished sequence leaves its queue once', async (t) => {
  const scheduler = new Scheduler(new BlockManager(4, 4), {
    prefixCaching: true,
    maxNumSeqs: 8,
    maxNumBatchedTokens: 64,
    maxScoredTokens: 32,
  });
  const a = sequence('a', { numTokens: 4 });
  scheduler.add(a);
  scheduler.schedule();
  scheduler.finish(a);
  t.equal(scheduler.blocks.numFree, 4);
  t.throws(() => scheduler.finish(a), { message: 'sequence a is finished but in no queue' });
});

t.test('a lower priority runs first and is preempted last, whenever it came', async (t) => {
  const limits = { prefixCaching: false, maxNumSeqs: 2, maxNumBatchedTokens: 64, maxScoredTokens: 32 };
  const scheduler = new Scheduler(new BlockManager(2, 4), limits);
  const [late, early, urgent] = [
    prompted('late', [1, 2, 3, 4], 1),
    prompted('early', [1, 2, 3, 4], 0),
    prompted('urgent', [1, 2, 3, 4], 2, -1),
  ];
  for (const each of [late, early, urgent]) scheduler.add(each);
  const order = () => scheduler.sequences().map(({ id, status }) => `${id} ${status}`);
  scheduler.schedule();
  t.same(order(), ['urgent running', 'early running', 'late waiting']);
  for (const each of [urgent, early]) {
    each.numComputedTokens = 4;
    each.tokenIds.push(1);
  }
  scheduler.schedule();
  t.same(order(), ['urgent running', 'early waiting', 'late waiting']);
});

t.test('a prompt that began before is computed only from its first new block', async (t) => {
  const scheduler = new Scheduler(new BlockManager(8, 4), {
    prefixCaching: true,
    maxNumSeqs: 8,
    maxNumBatchedTokens: 64,
    maxScoredTokens: 32,
  });
  const first = prompted('first', [1, 2, 3, 4, 5, 6, 7, 8, 9], 0);
  scheduler.add(first);
  scheduler.schedule();
  first.numComputedTokens = 9;
  first.tokenIds.push(10);
  scheduler.remember(first);
  const second = prompted('second', [1, 2, 3, 4, 5, 6, 7, 8], 1);
  scheduler.add(second);
  t.same(
    scheduler.schedule().map(({ sequence, numTokens }) => `${sequence.id}:${numTokens}`),
    ['first:1', 'second:4'],
    'one block is left to compute: its last logits are what the sequence waits for',
  );
  t.equal(second.numCachedTokens, 4);
  t.same(second.blockTable[0], first.blockTable[0]);
  t.same(scheduler.prefixCache, { queries: 17, hits: 4 });
  scheduler.blocks.checkIntegrity(scheduler.sequences());
});

t.test(
  'of equal prompts that come together one computes the shared blocks, and the others take them a step later',
  async (t) => {
    const limits = { prefixCaching: true, maxNumSeqs: 8, maxNumBatchedTokens: 64, maxScoredTokens: 32 };
    const scheduler = new Scheduler(new BlockManager(8, 4), limits);
    const prompt = [1, 2, 3, 4, 5, 6, 7, 8, 9];
    const all = [0, 1, 2].map((i) => prompted(`s${i}`, prompt, i));
    for (const each of all) scheduler.add(each);
    const step = () => scheduler.schedule().map(({ sequence, numTokens }) => `${sequence.id}:${numTokens}`);
    t.same(step(), ['s0:9']);
    all[0].numComputedTokens = 9;
    all[0].tokenIds.push(10);
    scheduler.remember(all[0]);
    t.same(step(), ['s0:1', 's1:1', 's2:1']);
    t.equal(
      new Set(all.flatMap(({ blockTable }) => blockTable.slice(0, 2))).size,
      2,
      'they share two blocks',
    );
    scheduler.blocks.checkIntegrity(scheduler.sequences());
  },
);

t.test('a prompt to tell of takes no cached block before all of it was told', async (t) => {
  const limits = { prefixCaching: true, maxNumSeqs: 8, maxNumBatchedTokens: 64, maxScoredTokens: 32 };
  const scheduler = new Scheduler(new BlockManager(8, 4), limits);
  const prompt = [1, 2, 3, 4, 5, 6, 7, 8, 9];
  const first = prompted('first', prompt, 0);
  scheduler.add(first);
  for (const item of scheduler.schedule()) scheduler.advance(item);
  const told = new Sequence(
    'told',
    prompt,
    fakeRequest('told', prompt, { numPromptLogprobs: 0 }).sampling,
    1,
  );
  scheduler.add(told);
  const [item] = scheduler.schedule().filter(({ sequence }) => sequence === told);
  t.equal(item.numTokens, 9);
  scheduler.advance(item);
  t.equal(told.numScoredTokens, 8);
});

t.test(
  'tokens count as computed when their step was sent, and full blocks of known tokens are shared from then on',
  async (t) => {
    const limits = { prefixCaching: true, maxNumSeqs: 8, maxNumBatchedTokens: 64, maxScoredTokens: 32 };
    const scheduler = new Scheduler(new BlockManager(8, 4), limits);
    const first = prompted('first', [1, 2, 3, 4, 5, 6, 7], 0);
    scheduler.add(first);
    const step = (): void => {
      for (const item of scheduler.schedule()) {
        scheduler.advance(item);
        item.sequence.awaitToken(0);
      }
    };
    step();
    t.equal(first.numComputedTokens, 7);
    t.equal(first.numNamedBlocks, 1);
    step();
    t.equal(first.numComputedTokens, 8);
    t.equal(first.numNamedBlocks, 1, 'the second block ends with a token that nobody knows yet');
    first.append(8);
    scheduler.remember(first);
    t.equal(first.numNamedBlocks, 2);
  },
);

t.test('a sequence is not admitted while a token of it is on its way', async (t) => {
  const limits = { prefixCaching: true, maxNumSeqs: 8, maxNumBatchedTokens: 64, maxScoredTokens: 32 };
  const scheduler = new Scheduler(new BlockManager(8, 4), limits);
  const early = prompted('early', [1, 2], 0);
  early.awaitToken(0);
  scheduler.add(early);
  t.same(scheduler.schedule(), []);
  early.append(9);
  t.match(scheduler.schedule(), [{ sequence: early }]);
});

t.test('adapters of running and waiting sequences are told once each', (t) => {
  const scheduler = new Scheduler(new BlockManager(8, 4), {
    maxNumSeqs: 2,
    maxNumBatchedTokens: 8,
    prefixCaching: false,
    maxScoredTokens: 1,
  });
  t.strictSame(scheduler.adapters, {});
  const { sampling } = fakeRequest('a', [1, 2]);
  for (const [i, adapter] of [1, 1, 3].entries())
    scheduler.add(new Sequence(`${i}`, [1, 2], sampling, i, { adapter }));
  scheduler.schedule();
  t.strictSame(scheduler.adapters, { adapters: { running: [1], waiting: [3] } });
  t.end();
});

t.test('a paused sequence gives up its blocks, and holds up nobody behind it', (t) => {
  const limits = { prefixCaching: true, maxNumSeqs: 8, maxNumBatchedTokens: 64, maxScoredTokens: 32 };
  const scheduler = new Scheduler(new BlockManager(2, 4), limits);
  const [early, late] = [prompted('early', [1, 2, 3, 4, 5], 0), prompted('late', [6, 7, 8, 9, 10], 1)];
  scheduler.add(early);
  scheduler.schedule();
  scheduler.add(late);
  early.isPaused = true;
  t.match(scheduler.schedule(), [{ sequence: late }]);
  t.match(early, { status: 'waiting', blockTable: [], numComputedTokens: 0 });
  t.equal(scheduler.numPreemptions, 0, 'nobody took its place');
  scheduler.finish(late);
  t.same(scheduler.schedule(), []);
  early.isPaused = false;
  t.match(scheduler.schedule(), [{ sequence: early, numTokens: 5 }]);
  scheduler.blocks.checkIntegrity(scheduler.sequences());
  t.end();
});

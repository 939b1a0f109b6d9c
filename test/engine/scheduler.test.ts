import t from 'tap';
import { BlockManager } from '#halflight/engine/block-manager.js';
import { type Plan, planStep, Scheduler, type SchedulerState } from '#halflight/engine/scheduler.js';
import { Sequence } from '#halflight/engine/sequence.js';
import { fakeRequest } from '../support/fake-runner.js';

interface Fields {
  readonly numTokens: number;
  readonly numComputed?: number;
  /** Blocks it holds; the scheduler reads only their number. */
  readonly numBlocks?: number;
}

function sequence(id: string, { numTokens, numComputed = 0, numBlocks = 0 }: Fields): Sequence {
  const prompt = Array.from({ length: numTokens }, (_, i) => 256 * id.charCodeAt(0) + i);
  const result = new Sequence(id, prompt, fakeRequest(id, prompt).sampling, id.charCodeAt(0));
  result.numComputedTokens = numComputed;
  // Blocks of its own: no two sequences of a test share one.
  const first = 100 * id.charCodeAt(0);
  result.blockTable.push(...Array.from({ length: numBlocks }, (_, block) => first + block));
  return result;
}

function state(fields: Partial<SchedulerState>): SchedulerState {
  const findPrefix = () => ({ blocks: [], numFree: 0 });
  return {
    running: [],
    waiting: [],
    numFreeBlocks: 100,
    blockSize: 4,
    numReferences: () => 1,
    findPrefix,
    blockNames: () => [],
    maxPrefillTokens: Number.POSITIVE_INFINITY,
    ...fields,
  };
}

function summary(plan: Plan): { scheduled: string[]; preempted: string[]; numAdmitted: number } {
  return {
    scheduled: plan.scheduled.map((item) => `${item.sequence.id}:${item.numTokens}`),
    preempted: plan.preempted.map(({ id }) => id),
    numAdmitted: plan.admitted.length,
  };
}

t.test('running sequences decode one token each before waiting ones prefill', async (t) => {
  const running = ['a', 'b'].map((id) => sequence(id, { numTokens: 5, numComputed: 4, numBlocks: 1 }));
  const waiting = [sequence('c', { numTokens: 6 }), sequence('d', { numTokens: 9 })];
  const plan = planStep(state({ running, waiting }), {
    prefixCaching: true,
    maxNumSeqs: 8,
    maxNumBatchedTokens: 12,
  });
  t.same(summary(plan), { scheduled: ['a:1', 'b:1', 'c:6', 'd:4'], preempted: [], numAdmitted: 2 });
});

t.test('a chunked prefill goes on where it stopped', async (t) => {
  const running = [sequence('a', { numTokens: 30, numComputed: 10, numBlocks: 3 })];
  const plan = planStep(state({ running }), { prefixCaching: true, maxNumSeqs: 8, maxNumBatchedTokens: 12 });
  t.same(summary(plan), { scheduled: ['a:12'], preempted: [], numAdmitted: 0 });
});

t.test('no more sequences run than maxNumSeqs', async (t) => {
  const running = [sequence('a', { numTokens: 5, numComputed: 4, numBlocks: 2 })];
  const waiting = ['b', 'c'].map((id) => sequence(id, { numTokens: 1 }));
  const plan = planStep(state({ running, waiting }), {
    prefixCaching: true,
    maxNumSeqs: 2,
    maxNumBatchedTokens: 12,
  });
  t.same(summary(plan), { scheduled: ['a:1', 'b:1'], preempted: [], numAdmitted: 1 });
});

t.test('waiting sequences keep their order: a short one does not overtake a long one', async (t) => {
  const waiting = [sequence('long', { numTokens: 40 }), sequence('short', { numTokens: 1 })];
  const plan = planStep(state({ waiting, numFreeBlocks: 9 }), {
    prefixCaching: true,
    maxNumSeqs: 8,
    maxNumBatchedTokens: 64,
  });
  t.same(summary(plan), { scheduled: [], preempted: [], numAdmitted: 0 });
});

t.test(
  'a sequence is admitted only when all of its tokens find room beside unfinished prefills',
  async (t) => {
    const running = [sequence('a', { numTokens: 16, numComputed: 4, numBlocks: 1 })];
    const waiting = [sequence('b', { numTokens: 8 })];
    const limits = { prefixCaching: true, maxNumSeqs: 8, maxNumBatchedTokens: 14 };
    const tight = planStep(state({ running, waiting, numFreeBlocks: 4 }), limits);
    t.same(summary(tight), { scheduled: ['a:12'], preempted: [], numAdmitted: 0 });
    const roomy = planStep(state({ running, waiting, numFreeBlocks: 5 }), limits);
    t.same(summary(roomy), { scheduled: ['a:12', 'b:2'], preempted: [], numAdmitted: 1 });
  },
);

t.test('when blocks run out the newest running ones are preempted and nobody is admitted', async (t) => {
  const running = ['a', 'b', 'c'].map((id) => sequence(id, { numTokens: 5, numComputed: 4, numBlocks: 1 }));
  const waiting = [sequence('d', { numTokens: 1 })];
  const plan = planStep(state({ running, waiting, numFreeBlocks: 1 }), {
    prefixCaching: true,
    maxNumSeqs: 8,
    maxNumBatchedTokens: 64,
  });
  t.same(summary(plan), { scheduled: ['a:1', 'b:1'], preempted: ['c'], numAdmitted: 0 });
});

t.test('the newest preempts itself when no one newer is left', async (t) => {
  const running = ['a', 'b'].map((id) => sequence(id, { numTokens: 5, numComputed: 4, numBlocks: 1 }));
  const plan = planStep(state({ running, numFreeBlocks: 1 }), {
    prefixCaching: true,
    maxNumSeqs: 8,
    maxNumBatchedTokens: 64,
  });
  t.same(summary(plan), { scheduled: ['a:1'], preempted: ['b'], numAdmitted: 0 });
});

t.test('planning changes nothing', async (t) => {
  const running = ['a', 'b'].map((id) => sequence(id, { numTokens: 5, numComputed: 4, numBlocks: 1 }));
  const before = state({ running: Object.freeze(running), numFreeBlocks: 0 });
  const limits = { prefixCaching: true, maxNumSeqs: 8, maxNumBatchedTokens: 64 };
  t.same(summary(planStep(before, limits)), summary(planStep(before, limits)));
  t.same(
    running.map(({ blockTable, numComputedTokens }) => [blockTable.length, numComputedTokens]),
    [
      [1, 4],
      [1, 4],
    ],
  );
});

t.test('preempted sequences wait in front, the oldest foremost, and start over', async (t) => {
  const scheduler = new Scheduler(new BlockManager(4, 4), {
    prefixCaching: true,
    maxNumSeqs: 8,
    maxNumBatchedTokens: 64,
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
  });
  const a = sequence('a', { numTokens: 4 });
  scheduler.add(a);
  scheduler.schedule();
  scheduler.finish(a);
  t.equal(scheduler.blocks.numFree, 4);
  t.throws(() => scheduler.finish(a), { message: 'sequence a is finished but in no queue' });
});

function prompted(id: string, promptTokenIds: readonly number[], arrival: number, priority = 0): Sequence {
  return new Sequence(id, promptTokenIds, fakeRequest(id, promptTokenIds).sampling, arrival, { priority });
}

t.test('a lower priority runs first and is preempted last, whenever it came', async (t) => {
  const limits = { prefixCaching: false, maxNumSeqs: 2, maxNumBatchedTokens: 64 };
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
    const limits = { prefixCaching: true, maxNumSeqs: 8, maxNumBatchedTokens: 64 };
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

t.test(
  'beside decodes no more of prompts is computed than the pace allows, over running and waiting ones',
  async (t) => {
    const running = [
      sequence('a', { numTokens: 40, numComputed: 10, numBlocks: 3 }),
      sequence('b', { numTokens: 5, numComputed: 4, numBlocks: 2 }),
    ];
    const waiting = [sequence('c', { numTokens: 9 })];
    const limits = { prefixCaching: true, maxNumSeqs: 8, maxNumBatchedTokens: 64 };
    const paced = (maxPrefillTokens: number) =>
      summary(planStep(state({ running, waiting, maxPrefillTokens }), limits)).scheduled;
    t.same(paced(16), ['a:16', 'b:1']);
    t.same(paced(34), ['a:30', 'b:1', 'c:4']);
  },
);

t.test('victims give back only the blocks that nobody else holds', async (t) => {
  const shared = sequence('a', { numTokens: 5, numComputed: 4, numBlocks: 1 });
  const victim = sequence('b', { numTokens: 9, numComputed: 8, numBlocks: 1 });
  victim.blockTable.unshift(shared.blockTable[0]);
  const plan = planStep(
    state({
      running: [shared, victim],
      numFreeBlocks: 0,
      numReferences: (block) => (block === shared.blockTable[0] ? 2 : 1),
    }),
    { prefixCaching: true, maxNumSeqs: 8, maxNumBatchedTokens: 64 },
  );
  t.same(summary(plan), { scheduled: ['a:1'], preempted: ['b'], numAdmitted: 0 });
});

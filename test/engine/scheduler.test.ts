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
  const prompt = Array.from({ length: numTokens }, () => 1);
  const result = new Sequence(id, prompt, fakeRequest(id, prompt).sampling);
  result.numComputedTokens = numComputed;
  result.blockTable.push(...Array.from({ length: numBlocks }, (_, block) => block));
  return result;
}

function state(fields: Partial<SchedulerState>): SchedulerState {
  return { running: [], waiting: [], numFreeBlocks: 100, blockSize: 4, ...fields };
}

function summary(plan: Plan): { scheduled: string[]; preempted: string[]; numAdmitted: number } {
  return {
    scheduled: plan.scheduled.map((item) => `${item.sequence.id}:${item.numTokens}`),
    preempted: plan.preempted.map(({ id }) => id),
    numAdmitted: plan.numAdmitted,
  };
}

t.test('running sequences decode one token each before waiting ones prefill', async (t) => {
  const running = ['a', 'b'].map((id) => sequence(id, { numTokens: 5, numComputed: 4, numBlocks: 1 }));
  const waiting = [sequence('c', { numTokens: 6 }), sequence('d', { numTokens: 9 })];
  const plan = planStep(state({ running, waiting }), { maxNumSeqs: 8, maxNumBatchedTokens: 12 });
  t.same(summary(plan), { scheduled: ['a:1', 'b:1', 'c:6', 'd:4'], preempted: [], numAdmitted: 2 });
});

t.test('a chunked prefill goes on where it stopped', async (t) => {
  const running = [sequence('a', { numTokens: 30, numComputed: 10, numBlocks: 3 })];
  const plan = planStep(state({ running }), { maxNumSeqs: 8, maxNumBatchedTokens: 12 });
  t.same(summary(plan), { scheduled: ['a:12'], preempted: [], numAdmitted: 0 });
});

t.test('no more sequences run than maxNumSeqs', async (t) => {
  const running = [sequence('a', { numTokens: 5, numComputed: 4, numBlocks: 2 })];
  const waiting = ['b', 'c'].map((id) => sequence(id, { numTokens: 1 }));
  const plan = planStep(state({ running, waiting }), { maxNumSeqs: 2, maxNumBatchedTokens: 12 });
  t.same(summary(plan), { scheduled: ['a:1', 'b:1'], preempted: [], numAdmitted: 1 });
});

t.test('waiting sequences keep their order: a short one does not overtake a long one', async (t) => {
  const waiting = [sequence('long', { numTokens: 40 }), sequence('short', { numTokens: 1 })];
  const plan = planStep(state({ waiting, numFreeBlocks: 9 }), { maxNumSeqs: 8, maxNumBatchedTokens: 64 });
  t.same(summary(plan), { scheduled: [], preempted: [], numAdmitted: 0 });
});

t.test(
  'a sequence is admitted only when all of its tokens find room beside unfinished prefills',
  async (t) => {
    const running = [sequence('a', { numTokens: 16, numComputed: 4, numBlocks: 1 })];
    const waiting = [sequence('b', { numTokens: 8 })];
    const limits = { maxNumSeqs: 8, maxNumBatchedTokens: 14 };
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
    maxNumSeqs: 8,
    maxNumBatchedTokens: 64,
  });
  t.same(summary(plan), { scheduled: ['a:1', 'b:1'], preempted: ['c'], numAdmitted: 0 });
});

t.test('the newest preempts itself when no one newer is left', async (t) => {
  const running = ['a', 'b'].map((id) => sequence(id, { numTokens: 5, numComputed: 4, numBlocks: 1 }));
  const plan = planStep(state({ running, numFreeBlocks: 1 }), { maxNumSeqs: 8, maxNumBatchedTokens: 64 });
  t.same(summary(plan), { scheduled: ['a:1'], preempted: ['b'], numAdmitted: 0 });
});

t.test('planning changes nothing', async (t) => {
  const running = ['a', 'b'].map((id) => sequence(id, { numTokens: 5, numComputed: 4, numBlocks: 1 }));
  const before = state({ running: Object.freeze(running), numFreeBlocks: 0 });
  const limits = { maxNumSeqs: 8, maxNumBatchedTokens: 64 };
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
  const scheduler = new Scheduler(new BlockManager(4, 4), { maxNumSeqs: 8, maxNumBatchedTokens: 64 });
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
  const scheduler = new Scheduler(new BlockManager(4, 4), { maxNumSeqs: 8, maxNumBatchedTokens: 64 });
  const a = sequence('a', { numTokens: 4 });
  scheduler.add(a);
  scheduler.schedule();
  scheduler.finish(a);
  t.equal(scheduler.blocks.numFree, 4);
  t.throws(() => scheduler.finish(a), { message: 'sequence a is finished but in no queue' });
});

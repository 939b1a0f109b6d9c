import t from 'tap';
import { type Plan, planStep, type SchedulerState } from '#halflight/engine/plan.js';
import { Sequence } from '#halflight/engine/sequence.js';
import type { SamplingParams } from '#halflight/engine/types.js';
import { fakeRequest } from '../support/fake-runner.js';

interface Fields {
  readonly numTokens: number;
  readonly numComputed?: number;
  /** Blocks it holds; the scheduler reads only their number. */
  readonly numBlocks?: number;
  readonly sampling?: Partial<SamplingParams>;
}

function sequence(id: string, { numTokens, numComputed = 0, numBlocks = 0, sampling }: Fields): Sequence {
  const prompt = Array.from({ length: numTokens }, (_, i) => 256 * id.charCodeAt(0) + i);
  const result = new Sequence(id, prompt, fakeRequest(id, prompt, sampling).sampling, id.charCodeAt(0));
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
    maxScoredTokens: 32,
  });
  t.same(summary(plan), { scheduled: ['a:1', 'b:1', 'c:6', 'd:4'], preempted: [], numAdmitted: 2 });
});

t.test('a chunked prefill goes on where it stopped', async (t) => {
  const running = [sequence('a', { numTokens: 30, numComputed: 10, numBlocks: 3 })];
  const plan = planStep(state({ running }), {
    prefixCaching: true,
    maxNumSeqs: 8,
    maxNumBatchedTokens: 12,
    maxScoredTokens: 32,
  });
  t.same(summary(plan), { scheduled: ['a:12'], preempted: [], numAdmitted: 0 });
});

t.test('no more sequences run than maxNumSeqs', async (t) => {
  const running = [sequence('a', { numTokens: 5, numComputed: 4, numBlocks: 2 })];
  const waiting = ['b', 'c'].map((id) => sequence(id, { numTokens: 1 }));
  const plan = planStep(state({ running, waiting }), {
    prefixCaching: true,
    maxNumSeqs: 2,
    maxNumBatchedTokens: 12,
    maxScoredTokens: 32,
  });
  t.same(summary(plan), { scheduled: ['a:1', 'b:1'], preempted: [], numAdmitted: 1 });
});

t.test('waiting sequences keep their order: a short one does not overtake a long one', async (t) => {
  const waiting = [sequence('long', { numTokens: 40 }), sequence('short', { numTokens: 1 })];
  const plan = planStep(state({ waiting, numFreeBlocks: 9 }), {
    prefixCaching: true,
    maxNumSeqs: 8,
    maxNumBatchedTokens: 64,
    maxScoredTokens: 32,
  });
  t.same(summary(plan), { scheduled: [], preempted: [], numAdmitted: 0 });
});

t.test(
  'a sequence is admitted only when all of its tokens find room beside unfinished prefills',
  async (t) => {
    const running = [sequence('a', { numTokens: 16, numComputed: 4, numBlocks: 1 })];
    const waiting = [sequence('b', { numTokens: 8 })];
    const limits = { prefixCaching: true, maxNumSeqs: 8, maxNumBatchedTokens: 14, maxScoredTokens: 32 };
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
    maxScoredTokens: 32,
  });
  t.same(summary(plan), { scheduled: ['a:1', 'b:1'], preempted: ['c'], numAdmitted: 0 });
});

t.test('the newest preempts itself when no one newer is left', async (t) => {
  const running = ['a', 'b'].map((id) => sequence(id, { numTokens: 5, numComputed: 4, numBlocks: 1 }));
  const plan = planStep(state({ running, numFreeBlocks: 1 }), {
    prefixCaching: true,
    maxNumSeqs: 8,
    maxNumBatchedTokens: 64,
    maxScoredTokens: 32,
  });
  t.same(summary(plan), { scheduled: ['a:1'], preempted: ['b'], numAdmitted: 0 });
});

t.test('planning changes nothing', async (t) => {
  const running = ['a', 'b'].map((id) => sequence(id, { numTokens: 5, numComputed: 4, numBlocks: 1 }));
  const before = state({ running: Object.freeze(running), numFreeBlocks: 0 });
  const limits = { prefixCaching: true, maxNumSeqs: 8, maxNumBatchedTokens: 64, maxScoredTokens: 32 };
  t.same(summary(planStep(before, limits)), summary(planStep(before, limits)));
  t.same(
    running.map(({ blockTable, numComputedTokens }) => [blockTable.length, numComputedTokens]),
    [
      [1, 4],
      [1, 4],
    ],
  );
});

t.test(
  'beside decodes no more of prompts is computed than the pace allows, over running and waiting ones',
  async (t) => {
    const running = [
      sequence('a', { numTokens: 40, numComputed: 10, numBlocks: 3 }),
      sequence('b', { numTokens: 5, numComputed: 4, numBlocks: 2 }),
    ];
    const waiting = [sequence('c', { numTokens: 9 })];
    const limits = { prefixCaching: true, maxNumSeqs: 8, maxNumBatchedTokens: 64, maxScoredTokens: 32 };
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
    { prefixCaching: true, maxNumSeqs: 8, maxNumBatchedTokens: 64, maxScoredTokens: 32 },
  );
  t.same(summary(plan), { scheduled: ['a:1'], preempted: ['b'], numAdmitted: 0 });
});

const LIMITS = { prefixCaching: true, maxNumSeqs: 8, maxNumBatchedTokens: 64, maxScoredTokens: 8 };

function guessing(id: string, numDrafts: number, numBlocks = 2): Sequence {
  const result = sequence(id, { numTokens: 5, numComputed: 4, numBlocks });
  result.draftTokenIds = Array.from({ length: numDrafts }, (_, i) => i);
  return result;
}

t.test('drafts are checked with what the others leave of the step', async (t) => {
  const running = [guessing('a', 3), guessing('b', 3), guessing('c', 0)];
  const plan = planStep(state({ running }), { ...LIMITS, maxNumBatchedTokens: 7 });
  t.same(
    plan.scheduled.map(({ numTokens, numDrafts }) => [numTokens, numDrafts]),
    [
      [4, 3],
      [2, 1],
      [1, 0],
    ],
  );
});

t.test('nobody is preempted for a draft', async (t) => {
  const running = [guessing('a', 6), sequence('b', { numTokens: 5, numComputed: 4, numBlocks: 2 })];
  const plan = planStep(state({ running, numFreeBlocks: 0 }), LIMITS);
  t.same(summary(plan), { scheduled: ['a:1', 'b:1'], preempted: [], numAdmitted: 0 });
});

t.test('a sequence whose last token is on its way is not computed on', async (t) => {
  const ending = sequence('a', { numTokens: 5, numComputed: 5, numBlocks: 2, sampling: { maxTokens: 1 } });
  ending.awaitToken(0);
  const plan = planStep(state({ running: [ending] }), LIMITS);
  t.same(summary(plan), { scheduled: [], preempted: [], numAdmitted: 0 });
});

t.test('a prompt to tell of is computed as far as there are rows of logits for it', async (t) => {
  const sampling = { numPromptLogprobs: 1 };
  const told = sequence('a', { numTokens: 30, sampling });
  const behind = sequence('b', { numTokens: 12, sampling });
  const first = planStep(state({ waiting: [told, behind] }), LIMITS);
  t.same(summary(first).scheduled, ['a:8'], 'nothing is left for the second');
  told.numComputedTokens = 24;
  told.numScoredTokens = 24;
  const last = planStep(state({ running: [told], waiting: [behind] }), LIMITS);
  t.same(summary(last).scheduled, ['a:6', 'b:3'], 'the last token of a prompt takes no such row');
  told.numComputedTokens = 0;
  const again = planStep(state({ running: [told] }), LIMITS);
  t.same(summary(again).scheduled, ['a:30'], 'what was told before is not told again');
});

t.test('a sequence that waits for its grammar is left out, running or waiting', (t) => {
  const held = (id: string, fields: Fields) => {
    const result = sequence(id, fields);
    result.matcher = { masks: () => Promise.reject(new Error('never')), close: () => undefined };
    return result;
  };
  const running = [
    held('a', { numTokens: 5, numComputed: 4, numBlocks: 2 }),
    sequence('b', { numTokens: 5, numComputed: 4, numBlocks: 2 }),
  ];
  const limits = { maxNumSeqs: 4, maxNumBatchedTokens: 16, prefixCaching: true, maxScoredTokens: 8 };
  t.same(summary(planStep(state({ running }), limits)), {
    scheduled: ['b:1'],
    preempted: [],
    numAdmitted: 0,
  });
  t.same(summary(planStep(state({ waiting: [held('c', { numTokens: 3 })] }), limits)).scheduled, []);
  running[0].mask = new Uint32Array(2);
  t.same(summary(planStep(state({ running }), limits)).scheduled, ['a:1', 'b:1']);
  t.end();
});

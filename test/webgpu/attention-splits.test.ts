import t from 'tap';
import {
  attentionSplits,
  partialSize,
  partialsBytes,
  type SplitWork,
  splitContext,
  tileSplitRule,
} from '#halflight/webgpu/attention-splits.js';
import { batchInvariant, type Tuning } from '#halflight/webgpu/tuning.js';
import { Random } from '../support/random.js';
import { GPU_TUNING as TUNING } from '../support/tuning.js';

const WORK: SplitWork = { workgroups: 8, contextLen: 4096, window: null, room: 1000 };

function splits(work: Partial<SplitWork>, tuning: Partial<Tuning> = {}): [number, number] {
  const changed = { ...TUNING, ...tuning };
  const chosen = attentionSplits({ ...WORK, ...work }, tileSplitRule(changed), changed);
  return chosen === null ? [1, 0] : [chosen.count, chosen.positions];
}

t.test('a context is split until there are about as many workgroups as the tuning asks for', (t) => {
  t.strictSame(splits({}), [32, 128]);
  t.strictSame(splits({ workgroups: 64 }), [5, 896]);
  t.strictSame(splits({ workgroups: 100 }), [3, 1408]);
  t.strictSame(splits({ workgroups: 264 }), [1, 0]);
  t.strictSame(splits({ contextLen: 131_072 }), [32, 4096]);
  t.end();
});

t.test('no split is shorter than 128 positions, whatever the step', (t) => {
  t.strictSame(splits({ contextLen: 128 }), [1, 0]);
  t.strictSame(splits({ contextLen: 129 }), [2, 128]);
  t.strictSame(splits({ contextLen: 1000 }), [8, 128]);
  t.strictSame(splits({ contextLen: 1000 }, { attentionLanes: 8 }), [8, 128]);
  t.strictSame(splits({ contextLen: 1000 }, { attentionLanes: 64 }), [4, 256]);
  t.end();
});

t.test('a window is split as if it were the context, and may begin at the end of a step', (t) => {
  t.strictSame(splits({ window: 128 }), [1, 0]);
  t.strictSame(splits({ window: 512 }), [3, 256]);
  t.strictSame(splits({ window: 5000 }), splits({ window: null }));
  t.end();
});

t.test(
  'nothing is split where the tuning forbids it, results must not depend on the batch, or no room is left',
  (t) => {
    t.strictSame(splits({}, { attentionWorkgroups: 0 }), [1, 0]);
    t.strictSame(splits({}, batchInvariant(TUNING)), [1, 0]);
    t.strictSame(splits({ room: 1 }), [1, 0]);
    t.strictSame(splits({ room: 3 }), [3, 1408]);
    t.end();
  },
);

t.test('a kernel whose steps begin where a window does splits what is seen by its own limits', (t) => {
  const rule = { step: 32, aligned: false, minPositions: 64, wholePositions: 128 };
  const own = (work: Partial<SplitWork>) => attentionSplits({ ...WORK, ...work }, rule, TUNING);
  t.strictSame(own({ contextLen: 128 }), null);
  t.strictSame(own({ contextLen: 129 }), { count: 3, positions: 64 });
  t.strictSame(own({ contextLen: 512 }), { count: 8, positions: 64 });
  t.strictSame(own({ contextLen: 512, window: 128 }), null);
  t.strictSame(own({ contextLen: 512, window: 300 }), { count: 5, positions: 64 });
  t.strictSame(own({ contextLen: 512, workgroups: 132 }), { count: 2, positions: 256 });
  t.strictSame(own({ contextLen: 512, workgroups: 264 }), null);
  t.end();
});

t.test('scratch is made only where a context can be split', (t) => {
  t.equal(partialsBytes({ ...TUNING, attentionWorkgroups: 0 }), 0);
  t.equal(partialsBytes(batchInvariant(TUNING)), 0);
  t.equal(partialsBytes(TUNING), 2 * 264 * 4 * 260 * 4);
  t.end();
});

t.test('splits cover every context and fit the scratch, for any number of workgroups', (t) => {
  const random = new Random(1);
  for (let i = 0; i < 2000; i++) {
    const attentionLanes = 4 << random.below(6);
    const step = 4 * attentionLanes;
    const work = {
      workgroups: 1 + random.below(300),
      contextLen: 1 + random.below(10_000),
      window: random.below(2) === 0 ? null : 1 + random.below(3000),
      room: 1000,
    };
    const [count, positions] = splits(work, { attentionLanes });
    if (count === 1) continue;
    const first = Math.max(0, work.contextLen - (work.window ?? work.contextLen));
    const steps = Math.ceil((work.contextLen - (first - (first % step))) / step);
    t.ok(count <= 32 && positions >= 128 && positions % step === 0, JSON.stringify(work));
    t.ok(count * positions >= steps * step, JSON.stringify(work));
    const bytes = work.workgroups * count * 4 * partialSize(256) * 4;
    t.ok(bytes <= partialsBytes(TUNING), JSON.stringify(work));
  }
  t.end();
});

t.test(
  'contexts are cut alike up to the next multiple of 128 positions, and of any length where none is split',
  (t) => {
    const lengths = (attentionWorkgroups: number) =>
      [1, 128, 129].map((length) => splitContext(length, { ...TUNING, attentionWorkgroups }));
    t.strictSame(lengths(264), [128, 128, 256]);
    t.strictSame(lengths(0), [0, 0, 0]);
    t.end();
  },
);

import t from 'tap';
import { singleTiling } from '#halflight/webgpu/single-tiling.js';
import { batchInvariant, type SingleTuning, type Tuning } from '#halflight/webgpu/tuning.js';
import { GPU_TUNING } from '../support/tuning.js';

const SINGLE: SingleTuning = {
  subgroups: 4,
  positions: 8,
  rowLanes: 16,
  heads: 4,
  splitPositions: 32,
  wholePositions: 128,
};
const TUNING: Tuning = { ...GPU_TUNING, single: SINGLE, subgroupSize: 32 };

function tiling(sharingHeads: number, headDim: number, changes: Partial<SingleTuning & Tuning> = {}) {
  const made = singleTiling(sharingHeads, headDim, {
    ...TUNING,
    ...changes,
    single: { ...SINGLE, ...changes },
  });
  if (made === null) throw new Error('no tiling');
  return made;
}

t.test(
  'lanes of a subgroup lie along rows of a head, several rows side by side where there are more',
  (t) => {
    const rows = (headDim: number, changes: Partial<SingleTuning & Tuning> = {}) => {
      const { ROW_LANES, LANE_CHUNKS, TURNS } = tiling(1, headDim, changes).unroll;
      return [ROW_LANES, LANE_CHUNKS, TURNS];
    };
    t.strictSame(rows(128), [16, 2, 4]);
    t.strictSame(rows(128, { rowLanes: 32 }), [32, 1, 8]);
    t.strictSame(rows(256, { rowLanes: 32 }), [32, 2, 8]);
    t.strictSame(rows(64, { rowLanes: 32 }), [16, 1, 4]);
    t.strictSame(rows(80), [16, 2, 4]);
    t.strictSame(rows(16), [4, 1, 1]);
    t.strictSame(rows(128, { subgroupSize: 8 }), [8, 4, 8]);
    t.strictSame(rows(128, { positions: 1 }), [16, 2, 1]);
    t.end();
  },
);

t.test('query heads that share a KV head are dealt out to as few workgroups as hold them', (t) => {
  const heads = (sharingHeads: number, changes: Partial<SingleTuning & Tuning> = {}) => {
    const { parts, unroll } = tiling(sharingHeads, 128, changes);
    return [parts, unroll.GROUP, unroll.HEAD_SLOTS];
  };
  t.strictSame(heads(1), [1, 1, 1]);
  t.strictSame(heads(4), [1, 4, 4]);
  t.strictSame(heads(5), [2, 3, 4]);
  t.strictSame(heads(7), [2, 4, 4]);
  t.strictSame(heads(7, { heads: 8 }), [1, 7, 8]);
  t.strictSame(heads(8, { heads: 8, rowLanes: 4 }), [2, 4, 4]);
  t.strictSame(heads(8, { heads: 8, workgroupBytes: 16_384 }), [2, 4, 4]);
  t.strictSame(heads(8, { heads: 8, workgroupBytes: 1024 }), [8, 1, 1]);
  t.end();
});

t.test('each lane keeps its share of the scores of a row', (t) => {
  const scores = (sharingHeads: number, changes: Partial<SingleTuning & Tuning> = {}) => {
    const { HALF_PRODUCTS, STAGES, SLOTS } = tiling(sharingHeads, 128, changes).unroll;
    return [HALF_PRODUCTS, STAGES, SLOTS];
  };
  t.strictSame(scores(4), [8, 4, 1]);
  t.strictSame(scores(4, { positions: 32 }), [32, 4, 4]);
  t.strictSame(scores(1, { positions: 1 }), [0, 4, 1]);
  t.end();
});

t.test('a step is of all subgroups, and splits begin where a window does', (t) => {
  t.strictSame(tiling(4, 128).splits, { step: 32, aligned: false, minPositions: 32, wholePositions: 128 });
  t.equal(tiling(4, 128, { subgroups: 2, positions: 16 }).splits.step, 32);
  t.end();
});

t.test(
  'there is none without a size of subgroups, where it is off, or where bytes must not depend on the batch',
  (t) => {
    t.equal(singleTiling(4, 128, { ...TUNING, subgroupSize: null }), null);
    t.equal(singleTiling(4, 128, { ...TUNING, single: null }), null);
    t.equal(singleTiling(4, 128, batchInvariant(TUNING)), null);
    t.end();
  },
);

import t, { type Test } from 'tap';
import { batchLayout } from '#halflight/ops/batch-layout.js';
import { CpuOps } from '#halflight/ops/cpu.js';
import type { BatchBuffers, KvCache, Tensor } from '#halflight/ops/ops.js';
import { WebGpuOps, type WebGpuOptions } from '#halflight/webgpu/ops.js';
import type { SingleTuning } from '#halflight/webgpu/tuning.js';
import {
  attentionOf,
  BESIDE_RUN,
  differenceOf,
  GROUPED,
  KV_TYPES,
  LONG,
  SHORT,
} from '../support/attention.js';
import { attentionCases, type HeadShape } from '../support/cases-batch.js';
import { type Case, compareWithReference, firstDifference } from '../support/compare.js';
import { testDevice } from '../support/device.js';
import { Random } from '../support/random.js';
import { OPERATION_TOLERANCES } from '../support/tolerances.js';

t.setTimeout(280_000);
const device = await testDevice();
t.teardown(() => device.destroy());

const { subgroupMinSize, subgroupMaxSize } = device.adapterInfo;
const isFixed = device.features.has('subgroups') && subgroupMinSize === subgroupMaxSize;
const options = { skip: isFixed ? false : 'subgroups vary in size here, so this kernel is never chosen' };

/** Splits as short as they may be. What is written out takes a software adapter long to compile, so steps are short too. */
const SINGLE: SingleTuning = {
  subgroups: 2,
  positions: 2,
  rowLanes: 8,
  heads: 4,
  splitPositions: 32,
  wholePositions: 128,
};

function opsOf(
  single: Partial<SingleTuning> = {},
  computeType: 'f32' | 'f16' = 'f32',
  changes: WebGpuOptions = {},
): WebGpuOps {
  const tuning = { attentionWorkgroups: 264, mergeSplits: 3, single: { ...SINGLE, ...single } };
  return new WebGpuOps(device, computeType, { ...tuning, ...changes });
}

/** Kernels that took single tokens, with what they were asked for. */
function singlesOf(ops: WebGpuOps): string[] {
  const singles = ops.pipelines.filter(
    ({ kernel, constants }) =>
      kernel === 'attention_single' || (kernel === 'attention' && constants.TOKENS === 1),
  );
  const names = singles.map(({ kernel, constants, heads }) =>
    [kernel, heads, constants.SPLIT === 1 ? 'split' : null].filter(Boolean).join(' '),
  );
  return [...new Set(names)].sort();
}

for (const computeType of ['f32', 'f16'] as const) {
  t.test(`contexts of 1 to 4000 positions, of every type of cache, ${computeType}`, options, async (t) => {
    const ops = opsOf({}, computeType);
    // How a cache is read does not depend on the type of the activations.
    for (const type of computeType === 'f32' ? KV_TYPES : KV_TYPES.slice(1, 2)) {
      t.equal(await differenceOf(ops, LONG, GROUPED, { type, window: null }), null, type);
    }
    for (const window of [1, 300, 1100]) {
      t.equal(await differenceOf(ops, LONG, GROUPED, { type: 'f16', window }), null, `window ${window}`);
    }
    const sunk = { type: 'f16', window: 300, sinks: true } as const;
    t.equal(await differenceOf(ops, LONG, GROUPED, sunk), null, 'with sinks');
    const capped = { type: 'f16', window: null, softCap: 0.5 } as const;
    t.equal(await differenceOf(ops, LONG, GROUPED, capped), null, 'capped');
    t.equal(await differenceOf(ops, BESIDE_RUN, GROUPED, { type: 'f16', window: null }), null, 'a run');
    t.strictSame(singlesOf(ops), ['attention_single', 'attention_single split']);
  });
}

/** Groups of 1, 3, 4, 7 and 8 query heads, of which some are dealt out unevenly; lanes without a chunk, and with several. */
const SHAPES: readonly (readonly [HeadShape, Partial<SingleTuning>])[] = [
  [{ numHeads: 2, numKvHeads: 2, headDim: 96 }, {}],
  [
    { numHeads: 3, numKvHeads: 1, headDim: 64 },
    { positions: 8, rowLanes: 4 },
  ],
  [{ numHeads: 8, numKvHeads: 2, headDim: 128 }, {}],
  [
    { numHeads: 14, numKvHeads: 2, headDim: 16 },
    { positions: 4, subgroups: 3 },
  ],
  [
    { numHeads: 14, numKvHeads: 2, headDim: 40 },
    { heads: 8, positions: 4 },
  ],
  [
    { numHeads: 8, numKvHeads: 1, headDim: 80 },
    { heads: 8, positions: 1, subgroups: 4 },
  ],
  [
    { numHeads: 4, numKvHeads: 2, headDim: 80 },
    { positions: 4, rowLanes: 2, subgroups: 1 },
  ],
  [{ numHeads: 2, numKvHeads: 2, headDim: 256 }, { positions: 1 }],
];

t.test('heads of every size and group, with every way to lay lanes along rows', options, async (t) => {
  for (const [heads, single] of SHAPES) {
    const ops = opsOf(single);
    for (const window of [null, 140]) {
      const difference = await differenceOf(ops, SHORT, heads, { type: 'f16', window });
      t.equal(difference, null, `${JSON.stringify([heads, single])} window ${window}`);
    }
    t.strictSame(singlesOf(ops), ['attention_single split']);
  }
});

async function holds(t: Test, ops: WebGpuOps, cases: readonly [string, Case][]): Promise<void> {
  for (const [name, run] of cases) {
    t.equal(await compareWithReference(ops, run, OPERATION_TOLERANCES[ops.computeType]), null, name);
  }
}

const CASES = attentionCases().filter(([name]) => /"headDim":(16|40)}/.test(name));
const PROJECTED = CASES.filter(([name]) => name.startsWith('attention of projections'));

t.test('heads that are read as rotated, whatever is done to scores', options, async (t) => {
  const ops = opsOf({ positions: 4, rowLanes: 4 });
  await holds(
    t,
    ops,
    CASES.filter((one) => !PROJECTED.includes(one)),
  );
  t.strictSame(singlesOf(ops), ['attention_single', 'attention_single split']);
});

for (const computeType of ['f32', 'f16'] as const) {
  t.test(`heads that are rotated on the way, ${computeType}`, options, async (t) => {
    const ops = opsOf({ positions: 4 }, computeType);
    // A type of 16 bits, and sinks, are the last's.
    await holds(t, ops, computeType === 'f32' ? PROJECTED : PROJECTED.slice(-15));
    t.ok(singlesOf(ops).includes('attention_single projected'));
    t.ok(singlesOf(ops).includes('attention_single projected split'));
  });
}

/** Fills every slot of K and V that no token of the batch sees with what is no number. */
async function poisonUnseen(ops: WebGpuOps, cache: KvCache<GPUBuffer>, isSeen: (slot: number) => boolean) {
  const { numBlocks, blockSize, numKvHeads, headDim } = cache;
  const cols = numBlocks * numKvHeads * blockSize * headDim;
  for (const data of [cache.k, cache.v]) {
    const tensor: Tensor<GPUBuffer> = { data, rows: 1, cols, stride: cols, type: 'f32' };
    const values = await ops.read(tensor, 1);
    const slotOf = (i: number) => {
      const row = Math.floor(i / headDim);
      return Math.floor(row / (numKvHeads * blockSize)) * blockSize + (row % blockSize);
    };
    ops.write(
      tensor,
      values.map((value, i) => (isSeen(slotOf(i)) ? value : Number.NaN)),
    );
  }
}

function seenSlots(
  { words, capacity }: BatchBuffers<GPUBuffer>,
  blockSize: number,
  window: number,
): ReadonlySet<number> {
  const { blockTables } = batchLayout(capacity);
  const slots = SHORT.flatMap(({ start }, sequence) => {
    const table = blockTables + sequence * capacity.maxBlocksPerSequence;
    const first = Math.max(0, start + 1 - window);
    return Array.from({ length: start + 1 - first }, (_, i) => {
      const position = first + i;
      return words[table + Math.floor(position / blockSize)] * blockSize + (position % blockSize);
    });
  });
  return new Set(slots);
}

t.test('positions that no token sees may hold anything', options, async (t) => {
  const [ops, reference] = [opsOf({ positions: 8, rowLanes: 4 }), new CpuOps()];
  const options = { type: 'f32', window: 140 } as const;
  const attention = attentionOf(ops, new Random(3), SHORT, GROUPED, options);
  const expected = attentionOf(reference, new Random(3), SHORT, GROUPED, options);
  const seen = seenSlots(attention.batch, attention.cache.blockSize, options.window);
  t.ok(seen.size > 0 && seen.size < attention.cache.numBlocks * attention.cache.blockSize);
  await poisonUnseen(ops, attention.cache, (slot) => seen.has(slot));
  ops.attention(attention);
  reference.attention(expected);
  const got = await ops.read(attention.out, attention.rows);
  const wanted = await reference.read(expected.out, expected.rows);
  t.equal(firstDifference(got, wanted, OPERATION_TOLERANCES.f32), null);
});

t.test(
  'where subgroups have no known size, or results must not depend on the batch, tiles take all',
  options,
  async (t) => {
    for (const changes of [{ subgroupSize: null }, { batchInvariant: true }, { single: null }]) {
      const ops = opsOf({}, 'f32', changes);
      t.equal(await differenceOf(ops, SHORT, GROUPED, { type: 'f32', window: null }), null);
      t.ok(
        singlesOf(ops).every((name) => !name.startsWith('attention_single')),
        JSON.stringify(changes),
      );
    }
  },
);

import t from 'tap';
import { CpuOps } from '#halflight/ops/cpu.js';
import { attentionDispatches } from '#halflight/webgpu/attention-dispatches.js';
import { partialsBytes } from '#halflight/webgpu/attention-splits.js';
import { BufferPool } from '#halflight/webgpu/buffers.js';
import { WebGpuOps, type WebGpuOptions } from '#halflight/webgpu/ops.js';
import { Recorder } from '#halflight/webgpu/recorder.js';
import { type Tuning, tuningFor } from '#halflight/webgpu/tuning.js';
import {
  attentionOf,
  BESIDE_RUN,
  differenceOf,
  GROUPED,
  KV_TYPES,
  LONG,
  SHAPES,
  SHORT,
} from '../support/attention.js';
import { firstDifference } from '../support/compare.js';
import { testDevice } from '../support/device.js';
import { Random } from '../support/random.js';
import { OPERATION_TOLERANCES } from '../support/tolerances.js';

t.setTimeout(280_000);
const device = await testDevice();
t.teardown(() => device.destroy());

/** As on a GPU without subgroups of a known size, where tiles of single tokens are split. */
const SPLIT = { attentionWorkgroups: 264, single: null };
/** Lanes that share through the subgroup, as a software adapter's do by default where its subgroups are of 8, and through shared memory. */
const LANES: readonly Partial<Tuning>[] = [SPLIT, { ...SPLIT, subgroupSize: null, attentionLanes: 32 }];

function splitsOf(ops: WebGpuOps): boolean[] {
  const singles = ops.pipelines.filter(
    ({ kernel, constants }) => kernel === 'attention' && constants.TOKENS === 1,
  );
  return [...new Set(singles.map(({ constants }) => constants.SPLIT === 1))];
}

for (const tuning of LANES) {
  for (const computeType of ['f32', 'f16'] as const) {
    t.test(
      `contexts of 1 to 4000 positions are split and merged, ${computeType} ${JSON.stringify(tuning)}`,
      async (t) => {
        const ops = new WebGpuOps(device, computeType, tuning);
        // How a cache is read does not depend on the type of the activations.
        for (const type of computeType === 'f32' ? KV_TYPES : KV_TYPES.slice(1, 2)) {
          t.equal(await differenceOf(ops, LONG, GROUPED, { type, window: null }), null, type);
        }
        for (const window of [300, 1100]) {
          t.equal(await differenceOf(ops, LONG, GROUPED, { type: 'f16', window }), null, `window ${window}`);
        }
        const sunk = { type: 'f16', window: 300, sinks: true } as const;
        t.equal(await differenceOf(ops, LONG, GROUPED, sunk), null, 'with sinks');
        t.equal(await differenceOf(ops, BESIDE_RUN, GROUPED, { type: 'f16', window: null }), null, 'a run');
        t.strictSame(splitsOf(ops), [true]);
      },
    );
  }

  t.test(`heads of every size and group are split, ${JSON.stringify(tuning)}`, async (t) => {
    const ops = new WebGpuOps(device, 'f32', tuning);
    // More dimensions than 32 lanes have in hand at once are those of the last alone.
    for (const heads of tuning === SPLIT ? SHAPES : SHAPES.slice(-2)) {
      for (const window of [null, 140]) {
        const difference = await differenceOf(ops, SHORT, heads, { type: 'f16', window });
        t.equal(difference, null, `${JSON.stringify(heads)} window ${window}`);
      }
    }
    t.strictSame(splitsOf(ops), [true]);
  });
}

t.test('what the scratch held before does not matter', async (t) => {
  const tuning = { ...tuningFor(device), ...SPLIT };
  const buffers = new BufferPool(device);
  const recorder = new Recorder(device, buffers);
  const values = partialsBytes(tuning) / Float32Array.BYTES_PER_ELEMENT;
  const poison = buffers.upload(new Float32Array(values).fill(Number.NaN), 'activations');
  const ops = new WebGpuOps(device, 'f32');
  const reference = new CpuOps();
  const options = { type: 'f32', window: 1100 } as const;
  const attention = attentionOf(ops, new Random(3), LONG, GROUPED, options);
  const expected = attentionOf(reference, new Random(3), LONG, GROUPED, options);
  reference.attention(expected);
  const dispatches = attentionDispatches(attention, tuning, poison);
  t.strictSame(
    dispatches.map(({ spec }) => spec.kernel),
    ['attention', 'attention_merge'],
  );
  ops.submit();
  for (const dispatch of dispatches) recorder.add(dispatch);
  recorder.submit();
  const got = await ops.read(attention.out, attention.rows);
  const wanted = await reference.read(expected.out, expected.rows);
  t.equal(firstDifference(got, wanted, OPERATION_TOLERANCES.f32), null);
});

t.test('a tuning without workgroups to fill, and batch invariance, never split', async (t) => {
  for (const tuning of [
    { ...SPLIT, attentionWorkgroups: 0 },
    { ...SPLIT, batchInvariant: true },
  ]) {
    const ops = new WebGpuOps(device, 'f32', tuning);
    t.equal(await differenceOf(ops, LONG, GROUPED, { type: 'f32', window: null }), null);
    t.strictSame(splitsOf(ops), [false]);
  }
});

t.test('scratch is counted as activations, and made only where contexts are split', async (t) => {
  const activations = (tuning: WebGpuOptions) => new WebGpuOps(device, 'f32', tuning).memory().activations;
  const tuning = { ...tuningFor(device), ...SPLIT };
  const none = activations({ attentionWorkgroups: 0 });
  t.equal(activations(SPLIT) - none, partialsBytes(tuning));
  t.equal(activations({ ...SPLIT, batchInvariant: true }), none);
});

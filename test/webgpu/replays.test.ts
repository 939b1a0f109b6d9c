import t from 'tap';
import { batchLayout } from '#halflight/ops/batch-layout.js';
import type { ReplayedStep } from '#halflight/ops/ops.js';
import { BufferPool } from '#halflight/webgpu/buffers.js';
import { Recorder } from '#halflight/webgpu/recorder.js';
import { Replays } from '#halflight/webgpu/replays.js';
import { tuningFor } from '#halflight/webgpu/tuning.js';
import { nullDevice } from '../support/device.js';

const device = await nullDevice();
t.teardown(() => device.destroy());

const capacity = { maxTokens: 4, maxSequences: 1, maxBlocksPerSequence: 1, maxLogits: 4, maxSampled: 1 };
const layout = batchLayout(capacity);
const pool = new BufferPool(device);
const results = () => ({
  data: pool.storage(256, 'activations'),
  rows: 1,
  cols: 64,
  stride: 64,
  type: 'u32' as const,
});
const [first, second] = [results(), results()];

/** A step whose single tokens end a context of `contextLen`. */
function stepOf(numTokens: number, contextLen: number, previous = first): ReplayedStep<GPUBuffer> {
  const words = new Uint32Array(layout.words);
  words.set([0, numTokens, contextLen], layout.tileCounts);
  const edits = { words, data: previous.data };
  return { batch: { capacity, words, data: previous.data, edits }, previous, numTokens, numLogits: 1 };
}

/** Which of the steps, in turn, run their work, where the adapter splits contexts or not. */
function runs(attentionWorkgroups: number, steps: readonly ReplayedStep<GPUBuffer>[]): boolean[] {
  const replays = new Replays();
  const recorder = new Recorder(device, pool);
  const tuning = { ...tuningFor(device), attentionWorkgroups };
  return steps.map((step) => {
    let ran = false;
    replays.run(step, tuning, recorder, () => {
      ran = true;
    });
    return ran;
  });
}

t.test('a step like one before is not worked out again', (t) => {
  const steps = [stepOf(1, 1), stepOf(1, 300), stepOf(2, 1), stepOf(1, 1, second), stepOf(2, 7)];
  t.strictSame(runs(0, steps), [true, false, true, true, false]);
  t.end();
});

t.test('where contexts are split, it is when their length may make for other splits', (t) => {
  t.strictSame(runs(264, [stepOf(1, 1), stepOf(1, 128), stepOf(1, 129)]), [true, false, true]);
  t.end();
});

t.test('so many are kept, the newest', (t) => {
  const steps = Array.from({ length: 33 }, (_, i) => stepOf(i + 1, 1));
  t.strictSame(runs(0, [...steps, stepOf(33, 1), stepOf(1, 1)]).slice(-2), [false, true]);
  t.end();
});

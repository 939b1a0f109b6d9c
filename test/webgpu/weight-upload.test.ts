import t from 'tap';
import type { Weight } from '#halflight/ops/ops.js';
import { stackSources, wholeRows } from '#halflight/quant/packed-rows.js';
import { type PackedWeight, weightBytes } from '#halflight/quant/weight.js';
import { BufferPool } from '#halflight/webgpu/buffers.js';
import { Readback } from '#halflight/webgpu/readback.js';
import { Recorder } from '#halflight/webgpu/recorder.js';
import { WeightUpload } from '#halflight/webgpu/weight-upload.js';
import { testDevice } from '../support/device.js';
import { Random } from '../support/random.js';
import { colsFor, OTHER_FORMATS, randomWeight, WEIGHT_FORMATS } from '../support/weights.js';

const device = await testDevice();
t.teardown(() => device.destroy());

const pool = new BufferPool(device);
const readback = new Readback(device, new Recorder(device, pool), null);

function sourcesOf(parts: readonly PackedWeight[]) {
  return stackSources(parts.map((part) => wholeRows(part, async () => part)));
}

/** Shapes and words of all parts. */
async function contents({ rows, cols, parts }: Weight<GPUBuffer>) {
  const words = async (buffer: GPUBuffer | null) =>
    buffer === null ? null : new Uint32Array((await readback.read(buffer, buffer.size)).bytes);
  const read = [];
  for (const { codes, scales, zeros, ...part } of parts) {
    read.push({
      ...part,
      codes: await words(codes),
      scales: await words(scales),
      zeros: await words(zeros),
    });
  }
  return { rows, cols, parts: read };
}

for (const format of Object.keys({ ...WEIGHT_FORMATS, ...OTHER_FORMATS })) {
  t.test(`${format} loaded by rows leaves the bytes of a whole upload`, async (t) => {
    const parts = [40, 75].map((rows, i) => randomWeight(new Random(i), format, rows, colsFor(format, 70)));
    const rowBytes = parts[0].codes.byteLength / 40;
    // One binding for all; pieces of 64 rows, which chunks of 32 fill; pieces of 50, where chunks end early.
    for (const boundRows of [1000, 64, 50]) {
      const limits = { maxStorageBufferBindingSize: boundRows * rowBytes };
      const upload = new WeightUpload({ queue: device.queue, limits }, pool, 1);
      const whole = new WeightUpload({ queue: device.queue, limits }, pool);
      const loaded = await upload.load(sourcesOf(parts));
      const put = whole.put([...(await Promise.all(sourcesOf(parts).map((run) => run.read(0, run.rows))))]);
      t.strictSame(await contents(loaded), await contents(put), `${boundRows} rows bound`);
    }
  });
}

t.test(
  'experts larger than a binding together are split between them, and one alone between its rows',
  async (t) => {
    const weight = randomWeight(new Random(1), 'int8', 3 * 40, 64);
    const rowBytes = weight.codes.byteLength / 120;
    const rowsOf = async (boundRows: number) => {
      const limits = { maxStorageBufferBindingSize: boundRows * rowBytes };
      const upload = new WeightUpload({ queue: device.queue, limits }, pool);
      const { parts } = await upload.load(sourcesOf([weight]), 40);
      t.strictSame(
        parts.map(({ rows }) => rows),
        upload.put([weight], 40).parts.map(({ rows }) => rows),
      );
      return parts.map(({ rows }) => rows);
    };
    t.strictSame(await rowsOf(119), [80, 40]);
    t.strictSame(await rowsOf(64), [40, 40, 40]);
    t.strictSame(await rowsOf(32), [32, 32, 32, 24]);
  },
);

t.test('weights of one table share its buffer, of 256 pairs', async (t) => {
  const buffers = new BufferPool(device);
  const upload = new WeightUpload(device, buffers);
  const packed = ['iq4_nl', 'iq4_xs', 'nf4-g64'].map((format) =>
    randomWeight(new Random(1), format, 32, 256),
  );
  const [first, second, other] = upload.put(packed).parts;
  const [again] = (await upload.load(sourcesOf([packed[0]]))).parts;
  t.equal(first.zeros, second.zeros);
  t.equal(first.zeros, again.zeros);
  t.not(first.zeros, other.zeros);
  const bytes = [packed[0], ...packed].reduce((sum, weight) => sum + weightBytes(weight), 0);
  t.equal(buffers.memory().weights, bytes + 2 * 256 * 2 * 4);
});

t.test('a weight that is unloaded leaves the device, but for what others share', async (t) => {
  const buffers = new BufferPool(device);
  const upload = new WeightUpload(device, buffers);
  const packed = ['int4-g32-asym', 'iq4_nl'].map((format) => randomWeight(new Random(1), format, 32, 256));
  const weight = await upload.load(sourcesOf([packed[0]]));
  const other = upload.put([packed[1]]);
  upload.unload(weight);
  upload.unload(other);
  t.equal(buffers.memory().weights, 256 * 2 * 4, 'the table');
  const again = upload.put([packed[1]]);
  t.equal((await contents(again)).parts[0].zeros?.length, 256 * 2);
});

t.test('more is not read before the device has what came before', async (t) => {
  let pending = 0;
  let most = 0;
  const queue = {
    submit: () => undefined,
    writeBuffer: (_: GPUBuffer, _at: number, _data: ArrayBuffer, _from: number, bytes: number) => {
      pending += bytes;
      most = Math.max(most, pending);
    },
    onSubmittedWorkDone: () => {
      const sent = pending;
      return new Promise<void>((resolve) =>
        setImmediate(() => {
          pending -= sent;
          resolve();
        }),
      );
    },
  } as unknown as GPUQueue;
  const limits = { maxStorageBufferBindingSize: 2 ** 28 };
  const upload = new WeightUpload({ queue, limits }, pool);
  const rows = 2 ** 15;
  const block = new Uint32Array(2 ** 22);
  const read = async (_: number, count: number) => ({
    format: weight.format,
    rows: count,
    cols: 2048,
    codes: block.subarray(0, count * 1024),
    scales: null,
    zeros: null,
  });
  const weight = randomWeight(new Random(1), 'bf16', 1, 32);
  await upload.load([{ format: weight.format, rows, cols: 2048, read }]);
  // 128 MiB went through; no more than two rounds of 32 MiB were on their way.
  t.ok(most <= 2 ** 26, `${most} bytes`);
});

t.test('a weight of no rows is refused', async (t) => {
  const upload = new WeightUpload(device, pool);
  const empty = { ...randomWeight(new Random(1), 'f32', 1, 32), rows: 0 };
  t.equal((await upload.load([])).parts.length, 0);
  t.equal((await upload.load(sourcesOf([empty]))).parts.length, 0);
});

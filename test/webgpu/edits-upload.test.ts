import t from 'tap';
import type { SamplingRow } from '#halflight/ops/ops.js';
import { BufferPool } from '#halflight/webgpu/buffers.js';
import { createEdits, uploadEdits } from '#halflight/webgpu/edits-upload.js';
import { GREEDY, NEUTRAL } from '../support/batches.js';
import { nullDevice } from '../support/device.js';

const device = await nullDevice();
t.teardown(() => device.destroy());

/** A row whose edits take 16 + 2 · `numCounts` words. */
function rowWith(numCounts: number): SamplingRow {
  const counts = Array.from({ length: numCounts }, (_, tokenId) => ({ tokenId, inPrompt: true, count: 0 }));
  return { ...GREEDY, edits: { ...NEUTRAL, counts } };
}

t.test('rows without edits send nothing', (t) => {
  const pool = new BufferPool(device);
  const edits = createEdits(pool);
  let writes = 0;
  const write = device.queue.writeBuffer.bind(device.queue);
  device.queue.writeBuffer = () => {
    writes++;
    return undefined;
  };
  t.equal(uploadEdits(device, pool, edits, [GREEDY, GREEDY]), edits);
  device.queue.writeBuffer = write;
  t.equal(writes, 0);
  t.end();
});

t.test('edits that fit stay where they are', (t) => {
  const pool = new BufferPool(device);
  const edits = createEdits(pool);
  t.equal(uploadEdits(device, pool, edits, [GREEDY, rowWith(2040)]), edits);
  t.equal(pool.memory().activations, 4096 * 4);
  t.end();
});

t.test('room that is too small is doubled, and the ledger follows', async (t) => {
  const pool = new BufferPool(device);
  const edits = createEdits(pool);
  device.pushErrorScope('validation');
  const larger = uploadEdits(device, pool, edits, [rowWith(2041)]);
  t.equal(await device.popErrorScope(), null);
  t.equal(larger.words.length, 8192);
  t.equal(larger.data.size, 8192 * 4);
  t.equal(pool.memory().activations, 8192 * 4);
  t.equal(uploadEdits(device, pool, larger, [rowWith(3)]), larger, 'it does not shrink');
});

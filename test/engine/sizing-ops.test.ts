import t from 'tap';
import { SizingOps } from '#halflight/engine/sizing-ops.js';
import { parseModelConfig } from '#halflight/model/config-parse.js';
import { createActivations } from '#halflight/model/forward.js';
import { nullOps } from '../support/device.js';
import { tinyDir } from '../support/tiny.js';

const LOGITS = { maxLogits: 12, maxSampled: 4 };

for (const type of ['f32', 'f16'] as const) {
  t.test(`activations in ${type} are counted as the device’s ledger does`, async (t) => {
    const config = await parseModelConfig(tinyDir('gemma2'));
    const ops = await nullOps(type);
    const before = ops.memory().activations;
    createActivations(ops, config, 40, LOGITS, { type: 'int8', ordersColumns: true });
    const sizing = new SizingOps(type);
    createActivations(sizing, config, 40, LOGITS, { type: 'int8', ordersColumns: true });
    t.equal(sizing.bytes, ops.memory().activations - before);
    t.ok(sizing.bytes > 0);
    ops.destroy();
  });
}

t.test('KV caches are counted as the device’s ledger does', async (t) => {
  const shape = { numBlocks: 3, blockSize: 16, numKvHeads: 2, headDim: 64 };
  for (const type of ['f32', 'f16', 'int8', 'int4'] as const) {
    const [ops, sizing] = [await nullOps('f32'), new SizingOps('f32')];
    ops.kvCache({ ...shape, type });
    sizing.kvCache({ ...shape, type });
    t.equal(sizing.bytes, ops.memory().kv_cache, type);
    ops.destroy();
  }
});

import t from 'tap';
import { webgpuBackend } from '#halflight/engine/backend.js';
import { type DeviceModel, enqueueForward, loadDeviceModel } from '#halflight/engine/device-model.js';
import { ENGINE_DEFAULTS } from '#halflight/engine/options.js';
import { Random } from '../support/random.js';
import { tinyDir } from '../support/tiny.js';

t.setTimeout(280_000);

const LENGTH = 21;

/** Logits of the last token of sequence 0, which lies in blocks 0 and 1, as raw words. Others lie in blocks of their own. */
async function logitsOf<B>(
  device: DeviceModel<B>,
  tokenIds: readonly number[],
  { chunk, others }: { readonly chunk: number; readonly others: number },
): Promise<Uint32Array> {
  const { ops } = device.backend;
  const random = new Random(others + 1);
  const { maxBlocksPerSequence: columns } = device.plan;
  for (let start = 0; start < LENGTH; start += chunk) {
    const count = Math.min(chunk, LENGTH - start);
    const numTokens = count + others;
    const strangers = Array.from({ length: others }, (_, i) => 2 + i);
    ops.writeBatch(device.batch, {
      numTokens,
      numSequences: 1 + others,
      tokenIds: Uint32Array.from({ length: numTokens }, (_, i) =>
        i < count ? tokenIds[start + i] : random.below(2000),
      ),
      positions: Uint32Array.from({ length: numTokens }, (_, i) => (i < count ? start + i : 0)),
      slotMapping: Uint32Array.from({ length: numTokens }, (_, i) =>
        i < count ? start + i : 16 * strangers[i - count],
      ),
      sequenceIds: Uint32Array.from({ length: numTokens }, (_, i) => (i < count ? 0 : 1 + i - count)),
      blockTables: Uint32Array.from(
        [[0, 1], ...strangers.map((block) => [block])].flatMap((blocks) =>
          Array.from({ length: columns }, (_, i) => blocks[i] ?? 0),
        ),
      ),
      logitsRows: Uint32Array.of(count - 1),
      sampling: [],
    });
    enqueueForward(device, numTokens, 1);
    await ops.read(device.activations.logits, 1);
  }
  return new Uint32Array((await ops.read(device.activations.logits, 1)).buffer);
}

for (const quantization of [null, 'int4']) {
  t.test(
    `with --batch-invariant logits are the same bytes in any batch, ${quantization ?? 'bf16'}`,
    async (t) => {
      const options = {
        ...ENGINE_DEFAULTS,
        modelDir: tinyDir('qwen3'),
        quantization,
        batchInvariant: true,
        maxNumSeqs: 8,
        maxModelLen: 64,
      };
      const device = await loadDeviceModel(await webgpuBackend(options), options, 8, () => undefined);
      const tokenIds = Array.from({ length: LENGTH }, (_, i) => (i * 97 + 13) % 2000);
      const alone = await logitsOf(device, tokenIds, { chunk: LENGTH, others: 0 });
      for (const batch of [
        { chunk: LENGTH, others: 7 },
        { chunk: 1, others: 0 },
        { chunk: 1, others: 3 },
        { chunk: 8, others: 2 },
      ]) {
        t.strictSame(await logitsOf(device, tokenIds, batch), alone, JSON.stringify(batch));
      }
      device.backend.ops.destroy();
    },
  );
}

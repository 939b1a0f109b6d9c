import t from 'tap';
import { type Backend, webgpuBackend } from '#halflight/engine/backend.js';
import { type DeviceModel, enqueueForward, loadDeviceModel } from '#halflight/engine/device-model.js';
import { ENGINE_DEFAULTS, type EngineOptions } from '#halflight/engine/options.js';
import { openDevice, openGpu, requestAdapter } from '#halflight/webgpu/adapter.js';
import { WebGpuOps } from '#halflight/webgpu/ops.js';
import { Random } from '../support/random.js';
import { type TinyModel, tinyDir } from '../support/tiny.js';

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
      scoring: [],
    });
    enqueueForward(device, { numTokens, numLogits: 1, previous: device.noResults });
    await ops.read(device.activations.logits, 1);
  }
  return new Uint32Array((await ops.read(device.activations.logits, 1)).buffer);
}

/** As on a GPU, where few tokens take a kernel of their own: without the flag results depend on the batch. Two lanes share even a short K. */
async function gpuTuned(batchInvariant: boolean): Promise<Backend<GPUBuffer>> {
  const options = { computeType: 'float32', batchInvariant } as const;
  const backend = await webgpuBackend(options);
  const device = await openDevice(await requestAdapter(openGpu()));
  return { ...backend, ops: new WebGpuOps(device, 'f32', { maxRowTokens: 3, rowLanes: 2, batchInvariant }) };
}

const BATCHES = [
  { chunk: LENGTH, others: 7 },
  { chunk: 1, others: 0 },
  { chunk: 1, others: 3 },
  { chunk: 8, others: 2 },
];

/** Whether each batch gives the bytes that the sequence has alone. */
async function sameBytes(
  quantization: string | null,
  batchInvariant: boolean,
  model: TinyModel = 'qwen3',
  kvCacheDtype: EngineOptions['kvCacheDtype'] = 'auto',
): Promise<boolean[]> {
  const dir = { modelDir: tinyDir(model), maxNumSeqs: 8, maxModelLen: 64 };
  const options = { ...ENGINE_DEFAULTS, ...dir, quantization, batchInvariant, kvCacheDtype };
  const device = await loadDeviceModel(
    await gpuTuned(batchInvariant),
    options,
    { maxLogits: 8, maxSampled: 0 },
    () => undefined,
  );
  const tokenIds = Array.from({ length: LENGTH }, (_, i) => (i * 97 + 13) % 2000);
  const alone = await logitsOf(device, tokenIds, { chunk: LENGTH, others: 0 });
  const same: boolean[] = [];
  for (const batch of BATCHES) {
    const words = await logitsOf(device, tokenIds, batch);
    same.push(words.every((word, i) => word === alone[i]));
  }
  device.backend.ops.destroy();
  return same;
}

for (const quantization of [null, 'int4']) {
  t.test(
    `with --batch-invariant logits are the same bytes in any batch, ${quantization ?? 'bf16'}`,
    async (t) => {
      t.strictSame(await sameBytes(quantization, true), [true, true, true, true]);
    },
  );
}

t.test('so they are with a KV cache of 4 bits, written a token at a time or many at once', async (t) => {
  t.strictSame(await sameBytes(null, true, 'qwen3', 'int4'), [true, true, true, true]);
});

t.test('so are those of experts, whatever tokens of the batch go to the same', async (t) => {
  t.strictSame(await sameBytes(null, true, 'gpt_oss'), [true, true, true, true]);
});

t.test('without it, a batch of few tokens gives other bytes: the comparison can tell', async (t) => {
  const [large, single] = await sameBytes(null, false);
  t.equal(large, true, 'many tokens take the same tiling');
  t.equal(single, false, 'one token takes another');
});

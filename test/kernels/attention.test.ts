import t from 'tap';
import type { Batch } from '#halflight/ops/ops.js';
import { WebGpuOps } from '#halflight/webgpu/ops.js';
import type { Tuning } from '#halflight/webgpu/tuning.js';
import { CAPACITY, randomBatch } from '../support/batches.js';
import { filledCache, POOL } from '../support/cases-batch.js';
import { testDevice } from '../support/device.js';
import { Random } from '../support/random.js';

t.setTimeout(280_000);
const device = await testDevice();
t.teardown(() => device.destroy());

const HEADS = { numKvHeads: 2, headDim: 40 };
const NUM_HEADS = 4;
const COLS = NUM_HEADS * HEADS.headDim;

/** The same tokens, last first: none has its sequence's next token behind it, so each is computed alone. */
function reversed(batch: Batch): Batch {
  const { tokenIds, positions, slotMapping, sequenceIds } = batch;
  return {
    ...batch,
    tokenIds: tokenIds.toReversed(),
    positions: positions.toReversed(),
    slotMapping: slotMapping.toReversed(),
    sequenceIds: sequenceIds.toReversed(),
  };
}

interface Outputs {
  readonly inTiles: Uint32Array[];
  readonly alone: Uint32Array[];
}

/** Each token's output, as raw words, in a batch of long runs and in one of single tokens. */
async function outputsOf(tuning: Partial<Tuning>, window: number | null): Promise<Outputs> {
  const random = new Random(5);
  const ops = new WebGpuOps(device, 'f32', tuning);
  const cache = filledCache(ops, random, { ...POOL, ...HEADS, type: 'f32' });
  const chunks = [
    { start: 0, count: 21 },
    { start: 117, count: 19 },
  ];
  const tokens = randomBatch(random, chunks, POOL);
  const { numTokens: rows } = tokens;
  const queries = Array.from({ length: rows }, () => random.values(COLS));
  const run = async (tokensInOrder: Batch, q: readonly Float32Array[]) => {
    const batch = ops.batch(CAPACITY);
    ops.writeBatch(batch, tokensInOrder);
    const [input, out] = [1, 2].map(() => ops.tensor(rows, COLS, 'f32', 'activations'));
    ops.write(input, Float32Array.from(q.flatMap((values) => [...values])));
    ops.attention({ batch, q: input, cache, out, numHeads: NUM_HEADS, scale: 0.5, window, rows });
    const words = new Uint32Array((await ops.read(out, rows)).buffer);
    return Array.from({ length: rows }, (_, i) => words.slice(i * COLS, (i + 1) * COLS));
  };
  const inTiles = await run(tokens, queries);
  const alone = await run(reversed(tokens), queries.toReversed());
  return { inTiles, alone: alone.toReversed() };
}

for (const tuning of [{ single: null }, { single: null, attentionLanes: 32 }]) {
  for (const window of [null, 33]) {
    t.test(
      `a token has the same bytes in a tile and alone, window ${window}, ${JSON.stringify(tuning)}`,
      async (t) => {
        const { inTiles, alone } = await outputsOf(tuning, window);
        t.strictSame(inTiles, alone);
      },
    );
  }
}

import t from 'tap';
import { openCheckpoint } from '#halflight/checkpoint/checkpoint.js';
import { parseModelConfig } from '#halflight/model/config-parse.js';
import { createActivations, forward } from '#halflight/model/forward.js';
import { loadModel } from '#halflight/model/load.js';
import { CpuOps } from '#halflight/ops/cpu.js';
import { codeWords } from '#halflight/ops/int8.js';
import { nullOps } from '../support/device.js';
import { tinyDir } from '../support/tiny.js';

/** A part of a sequence: its tokens from position `start` on. */
interface Chunk {
  readonly sequence: 0 | 1;
  readonly start: number;
  readonly tokenIds: readonly number[];
}

const CAPACITY = { maxTokens: 12, maxSequences: 2, maxBlocksPerSequence: 4, maxLogits: 12, maxSampled: 0 };
const BLOCK_SIZE = 4;
/** Physical blocks of the two sequences, out of order and between each other. */
const BLOCK_TABLES = [7, 2, 4, 1, 0, 5, 3, 6];
const STORY = [5, 900, 17, 2000, 41, 3, 77, 512, 1024];

const checkpoint = await openCheckpoint(tinyDir('llama'));
const config = await parseModelConfig(tinyDir('llama'));
t.teardown(() => checkpoint.close());

/** Runs the steps one after another on a fresh cache. Returns the logits of the tokens that are wanted of the last step, absent every one's, `[tokens][vocab]`. */
async function logitsAfter(
  steps: readonly (readonly Chunk[])[],
  wanted?: readonly number[],
): Promise<number[][]> {
  const ops = new CpuOps();
  const model = await loadModel(ops, checkpoint, config, {
    quantization: null,
    maxModelLen: 16,
    onBytes: () => undefined,
  });
  const { numKvHeads, headDim, numLayers, vocabSize } = config;
  const shape = { numBlocks: 8, blockSize: BLOCK_SIZE, numKvHeads, headDim, type: 'f32' } as const;
  const caches = Array.from({ length: numLayers }, () => ops.kvCache(shape));
  const activations = createActivations(ops, config, CAPACITY.maxTokens, CAPACITY);
  const batch = ops.batch(CAPACITY);
  const previous = ops.tensor(1, 1, 'u32', 'activations');
  let numTokens = 0;
  for (const step of steps) {
    numTokens = writeStep(ops, batch, step, wanted);
    const work = { batch, previous, numTokens, numLogits: wanted?.length ?? numTokens };
    forward(ops, model, caches, activations, work);
  }
  const values = [...(await ops.read(activations.logits, numTokens))];
  return Array.from({ length: numTokens }, (_, i) => values.slice(i * vocabSize, (i + 1) * vocabSize));
}

function writeStep(
  ops: CpuOps,
  batch: ReturnType<CpuOps['batch']>,
  step: readonly Chunk[],
  wanted?: readonly number[],
): number {
  const tokens = step.flatMap(({ sequence, start, tokenIds }) =>
    tokenIds.map((id, i) => ({ sequence, id, position: start + i, slot: slotOf(sequence, start + i) })),
  );
  ops.writeBatch(batch, {
    numTokens: tokens.length,
    numSequences: 2,
    tokenIds: Uint32Array.from(tokens, ({ id }) => id),
    positions: Uint32Array.from(tokens, ({ position }) => position),
    slotMapping: Uint32Array.from(tokens, ({ slot }) => slot),
    sequenceIds: Uint32Array.from(tokens, ({ sequence }) => sequence),
    blockTables: Uint32Array.from(BLOCK_TABLES),
    logitsRows: Uint32Array.from(wanted ?? tokens.keys()),
    sampling: [],
    scoring: [],
  });
  return tokens.length;
}

function slotOf(sequence: number, position: number): number {
  const block = BLOCK_TABLES[sequence * CAPACITY.maxBlocksPerSequence + Math.floor(position / BLOCK_SIZE)];
  return block * BLOCK_SIZE + (position % BLOCK_SIZE);
}

const whole = await logitsAfter([[{ sequence: 0, start: 0, tokenIds: STORY }]]);

t.test('a prompt computed in chunks, or token by token, gives the same logits as at once', async (t) => {
  const parts = (sizes: readonly number[]) => {
    let start = 0;
    return sizes.map((size): Chunk[] => {
      const chunk = { sequence: 0, start, tokenIds: STORY.slice(start, start + size) } as const;
      start += size;
      return [chunk];
    });
  };
  t.strictSame(await logitsAfter(parts([5, 4])), whole.slice(5));
  t.strictSame(await logitsAfter(parts(STORY.map(() => 1))), whole.slice(8));
});

t.test('a sequence gives the same logits beside another one as alone', async (t) => {
  const other = { sequence: 1, start: 0, tokenIds: [1, 2, 3] } as const;
  const both = await logitsAfter([[other, { sequence: 0, start: 0, tokenIds: STORY }]]);
  t.strictSame(both.slice(3), whole);
  const mixed = await logitsAfter([
    [other, { sequence: 0, start: 0, tokenIds: STORY.slice(0, 8) }],
    [
      { sequence: 0, start: 8, tokenIds: STORY.slice(8) },
      { sequence: 1, start: 3, tokenIds: [4, 5] },
    ],
  ]);
  t.strictSame(mixed[0], whole[8]);
});

t.test('a token sees those before it and not those after', async (t) => {
  const changed = [...STORY.slice(0, 6), 1999, ...STORY.slice(7)];
  const logits = await logitsAfter([[{ sequence: 0, start: 0, tokenIds: changed }]]);
  t.strictSame(logits.slice(0, 6), whole.slice(0, 6));
  for (const i of [6, 7, 8])
    t.not(
      logits[i].findIndex((value, k) => value !== whole[i][k]),
      -1,
      `token ${i}`,
    );
});

t.test('logits of some tokens are those of a step that wants them of all', async (t) => {
  const logits = await logitsAfter([[{ sequence: 0, start: 0, tokenIds: STORY }]], [8, 3]);
  t.strictSame(logits.slice(0, 2), [whole[8], whole[3]]);
});

t.test('a step that wants another token’s logits leaves keys and values for the next', async (t) => {
  const first = [{ sequence: 0, start: 0, tokenIds: STORY.slice(0, 8) }] as const;
  const logits = await logitsAfter([first, [{ sequence: 0, start: 8, tokenIds: STORY.slice(8) }]], [0]);
  t.strictSame(logits[0], whole[8]);
});

t.test('a step that wants no logits computes none', async (t) => {
  const logits = await logitsAfter([[{ sequence: 0, start: 0, tokenIds: STORY }]], []);
  t.ok(logits.flat().every((value) => value === 0));
});

t.test('only the residual stream and the logits are f32 whatever the compute type', async (t) => {
  const ops = await nullOps('f16');
  const wide = Object.entries(createActivations(ops, config, 2, { maxLogits: 1, maxSampled: 1 })).filter(
    ([, tensor]) => tensor?.type === 'f32',
  );
  t.strictSame(
    wide.map(([name]) => name),
    ['residual', 'lastResidual', 'logits'],
  );
  ops.destroy();
});

t.test('INT8 activations get room for the codes of the widest product, floats none', async (t) => {
  const ops = await nullOps('f32');
  const size = { maxLogits: 1, maxSampled: 1 };
  t.equal(createActivations(ops, config, 2, size).codes, null);
  const { codes } = createActivations(ops, config, 2, size, { type: 'int8' });
  t.match(codes, { rows: 2, cols: codeWords(config.intermediateSize), type: 'u32' });
  ops.destroy();
});

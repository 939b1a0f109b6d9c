import t from 'tap';
import { CpuOps } from '#halflight/ops/cpu.js';

t.test('each row gets what its token’s adapter adds, part by part', async (t) => {
  const ops = new CpuOps();
  const tensor = (rows: readonly (readonly number[])[]) => {
    const made = ops.tensor(rows.length, rows[0].length, 'f32', 'activations');
    ops.write(made, Float32Array.from(rows.flat()));
    return made;
  };
  const batch = ops.batch({
    maxTokens: 3,
    maxSequences: 3,
    maxBlocksPerSequence: 1,
    maxLogits: 2,
    maxSampled: 0,
  });
  ops.writeBatch(batch, {
    numTokens: 3,
    numSequences: 3,
    tokenIds: new Uint32Array(3),
    positions: new Uint32Array(3),
    slotMapping: new Uint32Array(3),
    sequenceIds: Uint32Array.of(0, 1, 2),
    adapters: Uint32Array.of(1, 0, 2),
    blockTables: new Uint32Array(3),
    logitsRows: Uint32Array.of(2, 1),
    sampling: [],
    scoring: [],
  });
  // Two adapters of rank 1, two parts of one output each: A is [2 · 2 · 1][2], B [2 · 2][1].
  const lora = {
    a: ops.constant(Float32Array.of(1, 0, 0, 1, 1, 1, 2, 0), 4, 2),
    b: ops.constant(Float32Array.of(1, 10, 100, 1000), 4, 1),
    rank: 1,
    ends: [1, 2],
  };
  const call = { batch, lora, room: tensor([[0, 0]]), scale: 2 } as const;
  const tokens = tensor([
    [1, 1],
    [1, 1],
    [1, 1],
  ]);
  const x = tensor([
    [3, 4],
    [3, 4],
    [3, 4],
  ]);
  ops.addLora({ ...call, x, out: tokens, rows: 3, of: 'tokens' });
  t.strictSame([...(await ops.read(tokens, 3))], [1 + 2 * 3, 1 + 2 * 40, 1, 1, 1 + 2 * 700, 1 + 2 * 6000]);
  const logits = tensor([
    [0, 0],
    [0, 0],
  ]);
  ops.addLora({ ...call, x, out: logits, rows: 2, of: 'logits' });
  t.strictSame([...(await ops.read(logits, 2))], [1400, 12_000, 0, 0]);
});

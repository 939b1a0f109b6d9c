import t from 'tap';
import { BANNED, type Batch, type LogitsEdits, pendingToken } from '#halflight/ops/ops.js';
import { WebGpuOps } from '#halflight/webgpu/ops.js';
import { CAPACITY, GREEDY, NEUTRAL } from '../support/batches.js';
import { editCases, logprobsCases } from '../support/cases-sampling.js';
import { compareWithReference } from '../support/compare.js';
import { testDevice } from '../support/device.js';
import { previousResults, sampleCase } from '../support/sample-case.js';
import { OPERATION_TOLERANCES } from '../support/tolerances.js';

// The first compilation takes a software adapter some seconds.
t.setTimeout(200_000);
const device = await testDevice();
t.teardown(() => device.destroy());
const ops = new WebGpuOps(device, 'f32');

/** One row of logits after the edits, exactly as the device holds it. */
async function edited(logits: readonly number[], edits: LogitsEdits, pending: number): Promise<number[]> {
  const sampled = sampleCase(ops, {
    logits: [logits],
    sampling: [{ ...GREEDY, edits }],
    previous: [pending],
  });
  return [...(await ops.read(sampled.logits, 2))].slice(logits.length);
}

t.test('a banned token has the lowest finite logit, whatever else is done to it', async (t) => {
  t.setTimeout(200_000);
  const tokens = Array.from({ length: 70 }, (_, tokenId) => tokenId);
  const logits = tokens.map((tokenId) => (tokenId === 3 ? BANNED : tokenId - 30));
  const edits = {
    repetition: 1e-3,
    frequency: -1000,
    presence: -1000,
    counts: tokens.map((tokenId) => ({ tokenId, inPrompt: true, count: 2 })),
    pending: pendingToken(0),
    biases: [
      ...tokens.map((tokenId) => ({ tokenId, bias: tokenId % 2 === 0 ? BANNED : 100, after: null })),
      ...tokens.map((tokenId) => ({ tokenId, bias: tokenId === 9 ? BANNED : 3e38, after: 64 })),
    ],
    allowed: Uint32Array.of(0xffff_fffe, 0xffff_ffff, 0x1f),
  };
  const row = await edited(logits, edits, 64);
  t.strictSame(
    tokens.filter((tokenId) => row[tokenId] === BANNED),
    // Not allowed: 0 and 69. Banned before: 3. Banned after 64: 9.
    tokens.filter((tokenId) => tokenId % 2 === 0 || [3, 9, 69].includes(tokenId)),
  );
  t.ok(
    row.every((logit) => Math.abs(logit) <= -BANNED),
    String(row),
  );
});

t.test('penalties that would overflow end at the range of f32', async (t) => {
  const counts = [0, 1].map((tokenId) => ({ tokenId, inPrompt: true, count: 0 }));
  const row = await edited([1e38, -1e38], { ...NEUTRAL, repetition: 1000, counts }, 0);
  // 1e38 / 1000, to the precision of an f32 quotient.
  t.ok(Math.abs(row[0] - 1e35) < 1e30, String(row[0]));
  t.equal(row[1], BANNED);
});

t.test('in workgroups of another width edits and log-probabilities are those of the reference', async (t) => {
  t.setTimeout(200_000);
  const wide = new WebGpuOps(device, 'f32', { sampleLanes: 64 });
  for (const [name, run] of [...editCases(), ...logprobsCases()]) {
    t.equal(await compareWithReference(wide, run, OPERATION_TOLERANCES.f32), null, name);
  }
});

t.test('a step whose edits need more room does not disturb the one under way', async (t) => {
  const batch = ops.batch(CAPACITY);
  const previous = previousResults(ops, [0]);
  const steps = [10, 3000, 20].map((numBiases, i) => {
    const logits = ops.tensor(CAPACITY.maxLogits + 1, 3000, 'f32', 'activations');
    const biases = Array.from({ length: numBiases }, (_, tokenId) => ({ tokenId, bias: i + 1, after: null }));
    ops.writeBatch(batch, oneRow({ ...NEUTRAL, biases }));
    ops.editLogits({ batch, previous, logits, rows: 1 });
    return { numBiases, bias: i + 1, read: ops.read(logits, logits.rows) };
  });
  for (const { numBiases, bias, read } of steps) {
    const row = (await read).subarray(CAPACITY.maxLogits * 3000);
    t.equal(row.indexOf(0), numBiases === 3000 ? -1 : numBiases);
    t.ok(row.subarray(0, numBiases).every((logit) => logit === bias));
  }
});

function oneRow(edits: LogitsEdits): Batch {
  return {
    numTokens: 0,
    numSequences: 0,
    tokenIds: new Uint32Array(0),
    positions: new Uint32Array(0),
    slotMapping: new Uint32Array(0),
    sequenceIds: new Uint32Array(0),
    blockTables: new Uint32Array(0),
    logitsRows: Uint32Array.of(0),
    sampling: [{ ...GREEDY, edits }],
    scoring: [],
  };
}

import t from 'tap';
import type { ModelRunner } from '#halflight/engine/model-runner.js';
import { tokenOf } from '#halflight/engine/results.js';
import { createRunner } from '#halflight/engine/runner.js';
import { type Batch, pendingToken, type SamplingRow } from '#halflight/ops/ops.js';
import { GREEDY } from '../support/batches.js';
import { referenceRuns, tinyDir, tinyOptions } from '../support/tiny.js';

// The first compilation of all kernels takes a software adapter half a minute or more.
t.setTimeout(200_000);
const [, { promptTokenIds, greedyTokenIds }] = await referenceRuns(tinyDir('llama'));
/** 160 positions in blocks of 16. */
const BLOCKS_PER_SEQUENCE = 10;

/** Tokens of one sequence from position `start` on, its cache in block 3. */
function batchOf(tokenIds: readonly number[], start: number, sampling: readonly SamplingRow[]): Batch {
  const positions = Uint32Array.from(tokenIds, (_, i) => start + i);
  return {
    numTokens: tokenIds.length,
    numSequences: 1,
    tokenIds: Uint32Array.from(tokenIds),
    positions,
    slotMapping: positions.map((position) => 3 * 16 + position),
    sequenceIds: new Uint32Array(tokenIds.length),
    blockTables: new Uint32Array(BLOCKS_PER_SEQUENCE).fill(3),
    logitsRows: Uint32Array.from(sampling, () => tokenIds.length - 1),
    sampling,
    scoring: [],
  };
}

async function tokenAfter(runner: ModelRunner, batch: Batch): Promise<number> {
  return tokenOf((await runner.run(batch)).words, 0);
}

for (const device of ['cpu', 'webgpu'] as const) {
  t.test(
    `on ${device} a prompt and its tokens, step by step, give the reference's continuation`,
    async (t) => {
      t.setTimeout(200_000);
      const options = tinyOptions('llama', { device, computeType: 'float32' });
      const { runner, info, eosTokenIds } = await createRunner(options, () => undefined);
      t.match(info, {
        maxModelLen: 160,
        maxNumSeqs: 16,
        blockSize: 16,
        weightFormat: device === 'cpu' ? 'f32' : 'bf16',
        computeType: 'f32',
      });
      t.equal(info.adapter.backend === 'cpu', device === 'cpu');
      t.strictSame(eosTokenIds, [2]);
      await runner.run(batchOf(promptTokenIds.slice(0, 4), 0, []));
      let token = await tokenAfter(runner, batchOf(promptTokenIds.slice(4), 4, [GREEDY]));
      const generated = [token];
      for (let position = promptTokenIds.length; generated.length < 8; position++) {
        token = await tokenAfter(runner, batchOf([token], position, [GREEDY]));
        generated.push(token);
      }
      t.strictSame(generated, greedyTokenIds.slice(0, 8));
      const lastPosition = promptTokenIds.length + 6;
      const sent = [
        runner.run(batchOf([generated[6]], lastPosition, [GREEDY])),
        runner.run(batchOf([pendingToken(0)], lastPosition + 1, [GREEDY])),
      ];
      const [known, pending] = await Promise.all(sent);
      t.equal(tokenOf(known.words, 0), greedyTokenIds[7]);
      t.equal(tokenOf(pending.words, 0), greedyTokenIds[8], 'a step reads what the one before sampled');
      t.equal(runner.dispatchesPerStep > 0, device === 'webgpu');
      runner.destroy();
    },
  );
}

t.test('each row is sampled by its own options', async (t) => {
  const { runner } = await createRunner(tinyOptions('llama', { device: 'cpu' }), () => undefined);
  const warm = { ...GREEDY, temperature: 5, seed: [1, 2] } as const;
  const rows = [GREEDY, warm, { ...warm, topK: 1 }, { ...warm, seed: [3, 4] }] as const;
  const { words } = await runner.run(batchOf(promptTokenIds, 0, rows));
  const ids = rows.map((_, row) => tokenOf(words, row));
  t.equal(ids[0], greedyTokenIds[0]);
  t.equal(ids[2], greedyTokenIds[0]);
  t.not(ids[1], ids[3]);
});

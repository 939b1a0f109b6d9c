import fc from 'fast-check';
import t from 'tap';
import { BlockManager } from '#halflight/engine/block-manager.js';
import { EngineCore } from '#halflight/engine/core.js';
import type { StepResults } from '#halflight/engine/model-runner.js';
import type { Sequence } from '#halflight/engine/sequence.js';
import type { GenerateRequest } from '#halflight/engine/types.js';
import { type Batch, pendingRow, type SamplingRow } from '#halflight/ops/ops.js';
import { RESULT } from '#halflight/ops/result-layout.js';
import { FAKE_EOS, FAKE_VOCAB_SIZE, FakeRunner, fakeRequest } from '../support/fake-runner.js';
import { anySchedule, type Parts, runSchedule } from '../support/schedules.js';

// A loaded machine takes minutes for what an idle one does in ten seconds.
t.setTimeout(300_000);

t.test(
  'any schedule: each request is answered as the model would alone, or refused, and every block comes back',
  async (t) => {
    const total = {
      numSteps: 0,
      numFinished: 0,
      numAborted: 0,
      numRefused: 0,
      numPreemptions: 0,
      prefixHits: 0,
      numAcceptedTokens: 0,
    };
    const property = fc.asyncProperty(anySchedule, async (schedule) => {
      const summary = await runSchedule(schedule);
      total.numSteps += summary.numSteps;
      total.numFinished += summary.numFinished;
      total.numAborted += summary.numAborted;
      total.numRefused += summary.numRefused;
      total.numPreemptions += summary.numPreemptions;
      total.prefixHits += summary.prefixHits;
      total.numAcceptedTokens += summary.numAcceptedTokens;
    });
    await fc.assert(property, { numRuns: 1500, seed: 20 });
    t.comment(total);
    t.ok(
      Object.values(total).every((count) => count > 200),
      'the schedules reach every outcome often',
    );
  },
);

t.test('the same requests give the same text alone, batched, chunked and preempted', async (t) => {
  const requests = Array.from({ length: 8 }, (_, i) =>
    fakeRequest(
      `r${i}`,
      Array.from({ length: 5 + 7 * i }, (_, j) => (i * 31 + j * 17) % 61),
      {
        maxTokens: 30,
        seed: BigInt(i) << 33n,
      },
    ),
  );
  const alone = await texts(requests, { numBlocks: 64, maxNumSeqs: 1, maxNumBatchedTokens: 512 });
  const batched = await texts(requests, { numBlocks: 64, maxNumSeqs: 8, maxNumBatchedTokens: 512 });
  const chunked = await texts(requests, { numBlocks: 64, maxNumSeqs: 8, maxNumBatchedTokens: 9 });
  const preempted = await texts(requests, { numBlocks: 6, maxNumSeqs: 8, maxNumBatchedTokens: 64 });
  t.equal(alone.numPreemptions + batched.numPreemptions + chunked.numPreemptions, 0);
  t.ok(preempted.numPreemptions > 0);
  t.same(batched.texts, alone.texts);
  t.same(chunked.texts, alone.texts);
  t.same(preempted.texts, alone.texts);
});

async function texts(
  requests: readonly GenerateRequest[],
  limits: { numBlocks: number; maxNumSeqs: number; maxNumBatchedTokens: number },
): Promise<{ texts: Record<string, number[]>; numPreemptions: number }> {
  const shape = { numBlocks: limits.numBlocks, blockSize: 16, maxModelLen: 96 };
  const core = new EngineCore({
    runner: new FakeRunner(shape),
    blocks: new BlockManager(shape.numBlocks, shape.blockSize),
    limits: {
      ...limits,
      prefixCaching: true,
      asyncScheduling: true,
      numSpeculativeTokens: 0,
      maxPrefillMsPerStep: null,
      maxModelLen: shape.maxModelLen,
    },
    vocabSize: FAKE_VOCAB_SIZE,
    eosTokenIds: [FAKE_EOS],
    now: () => 0,
  });
  const texts: Record<string, number[]> = Object.fromEntries(requests.map(({ id }) => [id, []]));
  for (const request of requests) core.add(request);
  while (core.hasWork) {
    for (const { id, tokenIds } of (await core.step()).outputs) texts[id].push(...tokenIds);
  }
  return { texts, numPreemptions: core.stats().numPreemptions };
}

/** Changes one batch array before the runner sees it. */
class FaultyRunner extends FakeRunner {
  constructor(
    shape: ConstructorParameters<typeof FakeRunner>[0],
    readonly spoil: (batch: Batch) => Batch,
  ) {
    super(shape);
  }

  override run(batch: Batch, wanted?: { readonly hidden: boolean }): Promise<StepResults> {
    return super.run(this.spoil(batch), wanted);
  }
}

function spoiled(spoil: (batch: Batch) => Batch): Parts {
  return { runner: (shape) => new FaultyRunner(shape, spoil) };
}

function withoutFirstCount(row: SamplingRow): SamplingRow {
  return { ...row, edits: row.edits && { ...row.edits, counts: row.edits.counts.slice(1) } };
}

/** Confirms every draft: answers the token that follows in the batch, wherever one does. */
class CredulousRunner extends FakeRunner {
  override async run(batch: Batch, wanted?: { readonly hidden: boolean }): Promise<StepResults> {
    const results = await super.run(batch, wanted);
    for (let row = 0; row + 1 < batch.sampling.length; row++) {
      const token = batch.logitsRows[row];
      const isDrafted =
        batch.logitsRows[row + 1] === token + 1 && batch.sequenceIds[token] === batch.sequenceIds[token + 1];
      if (isDrafted) results.words[row * RESULT.words] = batch.tokenIds[token + 1];
    }
    return results;
  }
}

class LeakyBlocks extends BlockManager {
  override free(sequence: Sequence): void {
    if (sequence.blockTable.length > 1) sequence.blockTable.pop();
    super.free(sequence);
  }
}

class TwiceFreedBlocks extends BlockManager {
  override free(sequence: Sequence): void {
    const held = [...sequence.blockTable];
    super.free(sequence);
    sequence.blockTable.push(...held.slice(0, 1));
    super.free(sequence);
  }
}

/** Hands out the first block of a sequence a second time. */
class SharedBlocks extends BlockManager {
  override allocate(sequence: Sequence, numTokens: number): void {
    super.allocate(sequence, numTokens);
    if (sequence.blockTable.length > 1) sequence.blockTable[1] = sequence.blockTable[0];
  }
}

/** Frees while the sequence still reads: gives the last block back as soon as it is allocated. */
class EarlyFreedBlocks extends BlockManager {
  override allocate(sequence: Sequence, numTokens: number): void {
    super.allocate(sequence, numTokens);
    if (sequence.blockTable.length < 2) return;
    const table = [...sequence.blockTable];
    sequence.blockTable.splice(0, table.length - 1);
    super.free(sequence);
    sequence.blockTable.push(...table);
  }
}

/** Names a block after another text: what is found under it is stale. */
class StaleNames extends BlockManager {
  override remember(sequence: Sequence, names: readonly string[], from: number): void {
    super.remember(sequence, names.toReversed(), from);
  }
}

/** Forgets to take the name from a block that is given out anew. */
class UnforgottenNames extends BlockManager {
  override findPrefix(names: readonly string[]): ReturnType<BlockManager['findPrefix']> {
    const found = super.findPrefix(names);
    if (found.blocks.length > 0) this.#everSeen.set(names[0], found.blocks[0]);
    const stale = this.#everSeen.get(names[0]);
    if (found.blocks.length > 0 || stale === undefined || this.numReferences(stale) === 0) return found;
    return { blocks: [stale], numFree: 0 };
  }

  readonly #everSeen = new Map<string, number>();
}

interface Fault {
  readonly parts: Parts;
  readonly caughtBy: RegExp;
}

const WRONG_TEXT = /answered wrong|began wrong|told wrong|embedded wrong/;

/** Loses a number of the first token's hidden state. */
class ForgetfulRunner extends FakeRunner {
  override async run(batch: Batch, wanted?: { readonly hidden: boolean }): Promise<StepResults> {
    const { hidden, ...results } = await super.run(batch, wanted);
    return hidden === undefined ? results : { ...results, hidden: hidden.fill(0, 0, 1) };
  }
}

const FAULTS: Record<string, Fault> = {
  'a slot off by one': {
    parts: spoiled((batch) => ({ ...batch, slotMapping: batch.slotMapping.map((slot) => slot + 1) })),
    caughtBy: /past the end|answered wrong|began wrong|embedded wrong|told wrong/,
  },
  'one slot written as its neighbour': {
    parts: spoiled((batch) => ({
      ...batch,
      slotMapping: batch.slotMapping.with(0, batch.slotMapping[0] ^ 1),
    })),
    caughtBy: /two tokens share|past the end|answered wrong|began wrong|embedded wrong/,
  },
  'a position off by one': {
    parts: spoiled((batch) => ({ ...batch, positions: batch.positions.map((position) => position + 1) })),
    caughtBy: WRONG_TEXT,
  },
  'a hidden state that is lost': {
    parts: { runner: (shape) => new ForgetfulRunner(shape) },
    caughtBy: /embedded wrong/,
  },
  'block tables of zeros': {
    parts: spoiled((batch) => ({ ...batch, blockTables: batch.blockTables.map(() => 0) })),
    caughtBy: WRONG_TEXT,
  },
  'rows of two sequences mixed up': {
    parts: spoiled((batch) => ({
      ...batch,
      sequenceIds: batch.sequenceIds.map((row) => batch.numSequences - 1 - row),
    })),
    caughtBy: WRONG_TEXT,
  },
  'a lost high word of the seed': {
    parts: spoiled((batch) => ({
      ...batch,
      sampling: batch.sampling.map((row) => ({ ...row, seed: [row.seed[0], 0] as const })),
    })),
    caughtBy: WRONG_TEXT,
  },
  'logits of the token before': {
    parts: spoiled((batch) => ({
      ...batch,
      logitsRows: batch.logitsRows.map((token) => Math.max(0, token - 1)),
    })),
    caughtBy: WRONG_TEXT,
  },
  'a pending token from the wrong row': {
    parts: spoiled((batch) => ({
      ...batch,
      tokenIds: batch.tokenIds.map((id) => (pendingRow(id) === null ? id : (id ^ 1) >>> 0)),
    })),
    caughtBy: /past the end|answered wrong|began wrong|embedded wrong|told wrong/,
  },
  'a token missing from the penalties': {
    parts: spoiled((batch) => ({ ...batch, sampling: batch.sampling.map(withoutFirstCount) })),
    caughtBy: WRONG_TEXT,
  },
  'a penalty blind to the pending token': {
    parts: spoiled((batch) => ({
      ...batch,
      sampling: batch.sampling.map((row) => ({
        ...row,
        edits: row.edits && { ...row.edits, pending: null },
      })),
    })),
    caughtBy: WRONG_TEXT,
  },
  'a draft that is taken for granted': {
    parts: { runner: (shape) => new CredulousRunner(shape) },
    caughtBy: WRONG_TEXT,
  },
  'prompt scores of the row before': {
    parts: spoiled((batch) => {
      const scoring = batch.scoring.map(({ numLogprobs }, i) => ({
        ...batch.scoring[Math.max(0, i - 1)],
        numLogprobs,
      }));
      return { ...batch, scoring };
    }),
    caughtBy: /wrong log-probabilities of its prompt/,
  },
  'a leaked block': {
    parts: { blocks: (shape) => new LeakyBlocks(shape.numBlocks, shape.blockSize) },
    caughtBy: /has leaked/,
  },
  'a block freed twice': {
    parts: { blocks: (shape) => new TwiceFreedBlocks(shape.numBlocks, shape.blockSize) },
    caughtBy: /is freed but not in use/,
  },
  'a block in a table twice': {
    parts: { blocks: (shape) => new SharedBlocks(shape.numBlocks, shape.blockSize) },
    caughtBy: /two tokens share|held by|freed but not in use/,
  },
  'a block under a wrong name': {
    parts: { blocks: (shape) => new StaleNames(shape.numBlocks, shape.blockSize) },
    caughtBy: WRONG_TEXT,
  },
  'a stale name that still leads to its block': {
    parts: { blocks: (shape) => new UnforgottenNames(shape.numBlocks, shape.blockSize) },
    caughtBy: /answered wrong|began wrong|embedded wrong|told wrong|two tokens share/,
  },
  'a block freed while in use': {
    parts: { blocks: (shape) => new EarlyFreedBlocks(shape.numBlocks, shape.blockSize) },
    caughtBy: /held by|freed but not in use/,
  },
};

for (const [name, { parts, caughtBy }] of Object.entries(FAULTS)) {
  t.test(`the schedules catch ${name}`, async (t) => {
    const property = fc.asyncProperty(anySchedule, async (schedule) => {
      await runSchedule(schedule, parts);
    });
    const { errorInstance } = await fc.check(property, { numRuns: 400, seed: 21, endOnFailure: true });
    t.match(errorInstance, { message: caughtBy });
  });
}

import type { Batch, BatchCapacity, SamplingRow } from '../ops/ops.js';

export const BLOCK_SIZE = 16;
/** Tokens before and with the one that a sequence decodes. */
export const CONTEXT_LEN = 512;
/** More rows of logits than this do not arise: only the last tokens of sequences have some. */
export const MAX_LOGITS_ROWS = 64;

/** Room for steps of `maxTokens` tokens. */
export function benchCapacity(maxTokens: number): BatchCapacity {
  const maxRows = MAX_LOGITS_ROWS;
  const maxBlocksPerSequence = Math.ceil(Math.max(CONTEXT_LEN, maxTokens) / BLOCK_SIZE);
  return { maxTokens, maxSequences: maxRows, maxBlocksPerSequence, maxLogits: maxRows, maxSampled: maxRows };
}

type Tables = Pick<BatchCapacity, 'maxBlocksPerSequence'>;

/**
 * Each sequence decodes `tokensEach` tokens, the last at the end of a context of CONTEXT_LEN, in blocks of its own that lie scattered.
 * Every sequence is sampled at random and has a neutral edit.
 */
export function decodeBatch(
  capacity: Tables,
  numSequences: number,
  vocabSize: number,
  tokensEach = 1,
): Batch {
  const tables = scatteredBlocks(numSequences, capacity);
  const tokens = Array.from({ length: numSequences * tokensEach }, (_, i) => ({
    sequence: Math.floor(i / tokensEach),
    position: Math.max(0, CONTEXT_LEN - tokensEach + (i % tokensEach)),
  }));
  return {
    ...layOut(tokens, tables),
    // Far apart in the table of embeddings, as in a text.
    tokenIds: Uint32Array.from(tokens, (_, i) => (i * 7919) % vocabSize),
    logitsRows: Uint32Array.from(tables, (_, i) => (i + 1) * tokensEach - 1),
    sampling: tables.map(() => SAMPLED),
  };
}

/** One prompt of so many tokens from its start. */
export function prefillBatch(capacity: Tables, numTokens: number): Batch {
  const tables = scatteredBlocks(1, capacity);
  const tokens = Array.from({ length: numTokens }, (_, position) => ({ sequence: 0, position }));
  return {
    ...layOut(tokens, tables),
    tokenIds: new Uint32Array(numTokens),
    logitsRows: new Uint32Array(0),
    sampling: [],
  };
}

const SAMPLED: SamplingRow = {
  temperature: 1,
  topK: 40,
  topP: 0.9,
  minP: 0,
  seed: [1, 2],
  position: CONTEXT_LEN,
  edits: {
    repetition: 1.1,
    frequency: 0,
    presence: 0,
    counts: [{ tokenId: 1, inPrompt: true, count: 1 }],
    pending: null,
    biases: [],
    allowed: null,
  },
  numLogprobs: 1,
};

/** Block tables in which neighbours are not neighbours in memory. */
function scatteredBlocks(numSequences: number, { maxBlocksPerSequence: blocksEach }: Tables): number[][] {
  return Array.from({ length: numSequences }, (_, sequence) =>
    Array.from({ length: blocksEach }, (_, block) => block * numSequences + sequence),
  );
}

function layOut(
  tokens: readonly { readonly sequence: number; readonly position: number }[],
  tables: readonly (readonly number[])[],
): Omit<Batch, 'tokenIds' | 'logitsRows' | 'sampling'> {
  const slotOf = ({ sequence, position }: (typeof tokens)[number]) =>
    tables[sequence][Math.floor(position / BLOCK_SIZE)] * BLOCK_SIZE + (position % BLOCK_SIZE);
  return {
    numTokens: tokens.length,
    numSequences: tables.length,
    positions: Uint32Array.from(tokens, ({ position }) => position),
    slotMapping: Uint32Array.from(tokens, slotOf),
    sequenceIds: Uint32Array.from(tokens, ({ sequence }) => sequence),
    blockTables: Uint32Array.from(tables.flat()),
    scoring: [],
  };
}

import type { Batch, BatchCapacity, LogitsEdits, SamplingRow } from '#halflight/ops/ops.js';
import type { Random } from './random.js';

export const GREEDY: SamplingRow = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  seed: [0, 0],
  position: 0,
  edits: null,
  numLogprobs: null,
};

/** Edits that change nothing. */
export const NEUTRAL: LogitsEdits = {
  repetition: 1,
  frequency: 0,
  presence: 0,
  counts: [],
  pending: null,
  biases: [],
  allowed: null,
};

export const CAPACITY: BatchCapacity = {
  maxTokens: 64,
  maxSequences: 8,
  maxBlocksPerSequence: 40,
  maxLogits: 8,
  maxSampled: 8,
};

/** One sequence's share of a batch: tokens from `start` on, `count` of them. */
export interface Chunk {
  readonly start: number;
  readonly count: number;
}

/** A batch over `numBlocks` blocks of `blockSize`, given to the sequences in random order. */
export function randomBatch(
  random: Random,
  chunks: readonly Chunk[],
  { numBlocks, blockSize, vocabulary = 100 }: { numBlocks: number; blockSize: number; vocabulary?: number },
): Batch {
  const free = random.permutation(numBlocks);
  const blockTables = new Uint32Array(chunks.length * CAPACITY.maxBlocksPerSequence);
  const tokens = chunks.flatMap((chunk, sequence) => {
    const table = blockTables.subarray(sequence * CAPACITY.maxBlocksPerSequence);
    const needed = Math.ceil((chunk.start + chunk.count) / blockSize);
    table.set(free.splice(0, needed));
    return Array.from({ length: chunk.count }, (_, i) => {
      const position = chunk.start + i;
      const slot = table[Math.floor(position / blockSize)] * blockSize + (position % blockSize);
      return { sequence, position, slot, id: random.below(vocabulary) };
    });
  });
  const lastTokens = chunks.map((_, sequence) =>
    tokens.findLastIndex((token) => token.sequence === sequence),
  );
  return {
    numTokens: tokens.length,
    numSequences: chunks.length,
    tokenIds: Uint32Array.from(tokens, (token) => token.id),
    positions: Uint32Array.from(tokens, (token) => token.position),
    slotMapping: Uint32Array.from(tokens, (token) => token.slot),
    sequenceIds: Uint32Array.from(tokens, (token) => token.sequence),
    blockTables,
    logitsRows: Uint32Array.from(lastTokens),
    sampling: chunks.map(() => GREEDY),
    scoring: [],
  };
}

import type { Engine } from '../engine/types.js';
import { generateGreedily } from './throughput.js';

export interface PrefixOptions {
  /** Tokens of the start that prompts share, and of each one's own end. */
  readonly sharedLen: number;
  readonly ownLen: number;
  readonly vocabSize: number;
}

/** Times to the first token of a prompt whose start is new, and of one whose start the engine has just seen; ms. */
export interface PrefixTimes {
  readonly uncachedTtftMs: number;
  readonly cachedTtftMs: number;
  /** Tokens that the cache held for the latter. */
  readonly numCachedTokens: number;
}

/** @param round makes the prompts differ from those of other rounds */
export async function measurePrefix(
  engine: Engine,
  options: PrefixOptions,
  round: number,
): Promise<PrefixTimes> {
  const uncached = await timeToFirst(engine, prompt(options, round, 0));
  const cached = await timeToFirst(engine, prompt(options, round, 1));
  return {
    uncachedTtftMs: uncached.ttftMs,
    cachedTtftMs: cached.ttftMs,
    numCachedTokens: cached.numCachedTokens,
  };
}

async function timeToFirst(
  engine: Engine,
  promptTokenIds: readonly number[],
): Promise<{ ttftMs: number; numCachedTokens: number }> {
  const start = performance.now();
  const [first] = await generateGreedily(engine, { id: 'bench', promptTokenIds, maxTokens: 1 });
  return { ttftMs: first.timeMs - start, numCachedTokens: first.prompt.numCachedTokens };
}

function prompt({ sharedLen, ownLen, vocabSize }: PrefixOptions, round: number, end: number): number[] {
  return Array.from(
    { length: sharedLen + ownLen },
    (_, i) => (7 * i + 131 * (round + 1) + (i < sharedLen ? 0 : 17 * (end + 1))) % vocabSize,
  );
}

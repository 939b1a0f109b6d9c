import { GREEDY } from '../engine/request.js';
import type { Engine, TokenOutput } from '../engine/types.js';

export interface ThroughputOptions {
  readonly concurrency: number;
  readonly inputLen: number;
  readonly outputLen: number;
  /** Token ids below it make up the prompts. */
  readonly vocabSize: number;
}

export interface Throughput {
  readonly concurrency: number;
  readonly numOutputTokens: number;
  readonly durationMs: number;
  /** Tokens per second of all streams together. */
  readonly outputThroughput: number;
  /** ms from the request to its first token, median over the streams. */
  readonly medianTtftMs: number;
  /** ms between tokens of one stream, median and 99th percentile over all. */
  readonly medianItlMs: number;
  readonly p99ItlMs: number;
}

/** Runs `concurrency` greedy requests at once through an engine, each with a prompt of its own, and times their tokens. */
export async function measureThroughput(engine: Engine, options: ThroughputOptions): Promise<Throughput> {
  const start = performance.now();
  const streams = Array.from({ length: options.concurrency }, (_, i) => tokenTimes(engine, options, i));
  const times = await Promise.all(streams);
  const durationMs = performance.now() - start;
  const numOutputTokens = times.reduce((sum, stream) => sum + stream.length, 0);
  const gaps = times.flatMap((stream) => stream.slice(1).map((time, i) => time - stream[i]));
  return {
    concurrency: options.concurrency,
    numOutputTokens,
    durationMs,
    outputThroughput: (1000 * numOutputTokens) / durationMs,
    medianTtftMs: quantile(
      times.map((stream) => stream[0] - start),
      0.5,
    ),
    medianItlMs: quantile(gaps, 0.5),
    p99ItlMs: quantile(gaps, 0.99),
  };
}

/**
 * When each token of one stream came, ms.
 * @param onToken called with the number of tokens so far
 */
export async function tokenTimes(
  engine: Engine,
  options: Omit<ThroughputOptions, 'concurrency'>,
  stream: number,
  onToken: (count: number) => void = () => undefined,
): Promise<number[]> {
  const request = {
    id: `bench-${stream}`,
    promptTokenIds: promptOf(options, stream),
    maxTokens: options.outputLen,
  };
  const outputs = await generateGreedily(engine, request, onToken);
  return outputs.map(({ timeMs }) => timeMs);
}

/** The tokens of one greedy request, end tokens ignored. @param onToken called with the number of tokens so far */
export async function generateGreedily(
  engine: Engine,
  { id, promptTokenIds, maxTokens }: { id: string; promptTokenIds: readonly number[]; maxTokens: number },
  onToken: (count: number) => void = () => undefined,
): Promise<TokenOutput[]> {
  const sampling = { ...GREEDY, maxTokens };
  const outputs: TokenOutput[] = [];
  for await (const output of engine.generate({ id, promptTokenIds, sampling })) {
    outputs.push(output);
    onToken(outputs.length);
  }
  return outputs;
}

/** Ids that no two streams share in order, so that no cache of prefixes can help. */
export function promptOf(
  { inputLen, vocabSize }: Pick<ThroughputOptions, 'inputLen' | 'vocabSize'>,
  stream: number,
): number[] {
  return Array.from({ length: inputLen }, (_, i) => (7 * i + 131 * (stream + 1)) % vocabSize);
}

/** The measurement whose figure is the middle one. */
export function median<T>(results: readonly T[], figure: (result: T) => number): T {
  const sorted = [...results].sort((a, b) => figure(a) - figure(b));
  return sorted[Math.floor(sorted.length / 2)];
}

/** The value below which the share `q` of the values lies; NaN of none. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

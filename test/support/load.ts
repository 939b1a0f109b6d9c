import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import type { ServerFacts } from '#halflight/bench/compare/memory.js';
import type { Measurement } from '#halflight/bench/serve/measure.js';
import { type LoadSummary, summarize, timesOf } from '#halflight/bench/serve/summary.js';
import type { LoadPlan, RequestRecord, Target } from '#halflight/bench/serve/types.js';

export function target(baseUrl: string, changes: Partial<Target> = {}): Target {
  return {
    baseUrl,
    backend: 'openai',
    model: 'toy',
    apiKey: null,
    ignoreEos: false,
    temperature: 0,
    timeoutMs: 10_000,
    ...changes,
  };
}

/** Equal requests that arrive at once. */
export function plan(baseUrl: string, count: number, changes: Partial<LoadPlan> = {}): LoadPlan {
  return {
    target: target(baseUrl),
    warmups: [],
    requests: Array.from({ length: count }, () => ({ prompt: [1, 2, 3], outputLen: 5 })),
    arrivalsMs: Array.from({ length: count }, () => 0),
    maxConcurrency: 1,
    ...changes,
  };
}

/** A whole answer whose texts came at these times. */
export function record(timesMs: readonly number[], changes: Partial<RequestRecord> = {}): RequestRecord {
  return {
    sentMs: 0,
    timesMs,
    endMs: timesMs.at(-1) ?? 0,
    usage: { inputTokens: 10, outputTokens: timesMs.length },
    error: null,
    reason: null,
    ...changes,
  };
}

/** An address at which nobody listens any more. */
export async function closedUrl(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

/** A run of one answer, with some of its figures changed. */
export function measurement(changes: Partial<LoadSummary> = {}): Measurement {
  const client = { utilization: 0, meanLagMs: 0, p99LagMs: 0, maxLagMs: 0 };
  const records = [record([100, 110, 130])];
  return {
    summary: { ...summarize({ records, durationMs: 1000, client }, null), ...changes },
    times: records.map(timesOf).filter((one) => one !== null),
    client,
    bottleneck: null,
    server: null,
    warmupError: null,
  };
}

/** What a server says of itself. */
export function facts(changes: Partial<ServerFacts> = {}): ServerFacts {
  return {
    adapter: 'fake',
    weightFormat: 'bf16',
    weights: 1000,
    kvCache: 640,
    activations: 60,
    blockSize: 16,
    numBlocks: 64,
    ...changes,
  };
}

import type { Engine } from '../engine/types.js';
import { quantile, type ThroughputOptions, tokenTimes } from './throughput.js';

export interface InterferenceOptions extends ThroughputOptions {
  /** Tokens of the long prompt. */
  readonly longInputLen: number;
}

/** What a long prompt does to running streams; times in ms. */
export interface Interference {
  readonly concurrency: number;
  /** 99th percentile of the time between two tokens of a stream, before the long prompt came, and while it was prefilled. */
  readonly p99ItlBeforeMs: number;
  readonly p99ItlBesideMs: number;
  /** From the long prompt's arrival to its first token. */
  readonly longTtftMs: number;
}

/** Runs `concurrency` streams and sends a long prompt when the first of them is half done. */
export async function measureInterference(
  engine: Engine,
  options: InterferenceOptions,
): Promise<Interference> {
  const { concurrency, outputLen, longInputLen } = options;
  let arrived = Number.POSITIVE_INFINITY;
  let long: Promise<number[]> = Promise.resolve([]);
  const sendLong = () => {
    arrived = performance.now();
    long = tokenTimes(engine, { ...options, inputLen: longInputLen, outputLen: 1 }, concurrency);
  };
  const streams = Array.from({ length: concurrency }, (_, i) =>
    tokenTimes(engine, options, i, (count) => {
      if (i === 0 && count === Math.floor(outputLen / 2)) sendLong();
    }),
  );
  const gaps = (await Promise.all(streams)).flatMap(gapsOf);
  const [answered = arrived] = await long;
  const p99 = (some: readonly Gap[]) =>
    quantile(
      some.map(({ from, to }) => to - from),
      0.99,
    );
  return {
    concurrency,
    p99ItlBeforeMs: p99(gaps.filter(({ to }) => to <= arrived)),
    p99ItlBesideMs: p99(gaps.filter(({ from, to }) => to > arrived && from < answered)),
    longTtftMs: answered - arrived,
  };
}

interface Gap {
  readonly from: number;
  readonly to: number;
}

/** The first gaps are left out: other streams still prefill. */
function gapsOf(times: readonly number[]): Gap[] {
  const warm = Math.floor(times.length / 8);
  return times.slice(warm + 1).map((to, i) => ({ from: times[warm + i], to }));
}

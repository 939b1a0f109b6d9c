/** What a server did under one load. */
export interface LoadLevel {
  /** Requests at once, or requests a second. */
  readonly load: number;
  /** Tokens a second of all answers. */
  readonly throughput: number;
  /** ms until an answer is whole. */
  readonly latencyMs: number;
}

/**
 * The level with the most throughput for its latency, up to which more load gains more than it costs: the maximum of Kleinrock's power
 * ("Power and deterministic rules of thumb for probabilistic problems in computer communications", 1979). null of no levels.
 */
export function knee<T extends LoadLevel>(levels: readonly T[]): T | null {
  const power = ({ throughput, latencyMs }: LoadLevel) => throughput / latencyMs;
  return levels.reduce<T | null>(
    (best, level) => (best === null || power(level) > power(best) ? level : best),
    null,
  );
}

/** A level that gains less than this over the best before it only makes its requests wait. */
const LEAST_GAIN = 1.05;

/** Whether more requests at once than in the last level would gain nothing. */
export function isSaturated(levels: readonly LoadLevel[]): boolean {
  const last = levels.at(-1);
  if (last === undefined || levels.length < 2) return false;
  return last.throughput < LEAST_GAIN * Math.max(...levels.slice(0, -1).map(({ throughput }) => throughput));
}

/** A queue that grows by a tenth of what arrives does not end. */
const LEAST_SHARE = 0.9;

/**
 * Whether requests arrived faster than they were answered. @param durationS of all `count` requests; @param unloadedLatencyMs of an answer when few run,
 * which the last one takes after its arrival in any case
 */
export function isOverloaded(
  { rate, count, durationS }: { readonly rate: number; readonly count: number; readonly durationS: number },
  unloadedLatencyMs: number,
): boolean {
  const answeredS = Math.max(durationS - unloadedLatencyMs / 1000, 1e-9);
  // The first arrives at 0, so `count` requests take count − 1 gaps.
  return (count - 1) / answeredS < LEAST_SHARE * rate;
}

import type { Draws } from './random.js';

/**
 * When `count` requests arrive, ms after the start: the first at 0, then gaps of a gamma distribution, as vLLM's benchmark draws them. With a
 * burstiness of 1 that is a Poisson process. The gaps are stretched so that the last comes when the rate says.
 * @param rate requests a second; Infinity has all arrive at once
 */
export function arrivals(count: number, rate: number, burstiness: number, draws: Draws): number[] {
  if (rate === Number.POSITIVE_INFINITY) return Array.from({ length: count }, () => 0);
  const times = [0];
  for (let i = 1; i < count; i++) times.push(times[i - 1] + draws.gamma(burstiness));
  const drawn = times[count - 1];
  const wanted = (1000 * (count - 1)) / rate;
  return times.map((time) => (drawn > 0 ? (time * wanted) / drawn : 0));
}

export interface PacerOptions {
  /** Time that prefill may add to a step in which others decode; null takes three quarters of what the decodes take. */
  readonly maxPrefillMsPerStep: number | null;
}

/** Prefilled beside decodes in any case: a step that prefills less would never end a long prompt. */
const MIN_PREFILL_TOKENS = 16;
/** Of a decode step's time, by default: steps stay under twice what they are undisturbed, with room for their variation. */
const DEFAULT_SHARE = 0.75;
/** Weight of the newest measurement in the running means. */
const NEWEST = 0.3;

/**
 * Learns how long decode steps and prefilled tokens take, and from that how many tokens to prefill beside running decodes: a long prompt
 * must not stall the streams of others.
 */
export class PrefillPacer {
  #decodeMs: number | null = null;
  #msPerPrefillToken: number | null = null;

  constructor(readonly options: PacerOptions) {}

  /** Tokens to prefill in a step. No limit while nobody decodes, or nothing has been measured. */
  maxPrefillTokens(numDecoding: number): number {
    if (numDecoding === 0 || this.#decodeMs === null || !this.#msPerPrefillToken)
      return Number.POSITIVE_INFINITY;
    const ms = this.options.maxPrefillMsPerStep ?? DEFAULT_SHARE * this.#decodeMs;
    return Math.max(MIN_PREFILL_TOKENS, Math.floor(ms / this.#msPerPrefillToken));
  }

  /** @param numPrefillTokens of a step that took `stepMs`; decodes took their usual part of it */
  observe(stepMs: number, numPrefillTokens: number, numDecoding: number): void {
    if (numPrefillTokens === 0) this.#decodeMs = mean(this.#decodeMs, stepMs);
    else {
      const decodeMs = numDecoding === 0 ? 0 : (this.#decodeMs ?? 0);
      const perToken = Math.max(0, stepMs - decodeMs) / numPrefillTokens;
      this.#msPerPrefillToken = mean(this.#msPerPrefillToken, perToken);
    }
  }
}

function mean(old: number | null, value: number): number {
  return old === null ? value : old + NEWEST * (value - old);
}

import { ApiError } from '../errors.js';

const MINUTE_MS = 60_000;

/** What a caller has left of a limit. */
export interface Allowance {
  readonly limit: number;
  /** Whole, 0 or larger. */
  readonly remaining: number;
  /** Until all of the limit is there again. */
  readonly resetMs: number;
}

interface Account {
  /** Below 0 where answers took more than there was. */
  left: number;
  atMs: number;
}

/**
 * Tokens that each caller may spend in a minute, as a bucket that fills evenly. A request is admitted when its prompt fits in what is left.
 * Generated tokens are taken as they come, below zero if need be: how long an answer gets is not known before.
 */
export class TokenBudgets {
  readonly #accounts = new Map<string, Account>();

  /** @param now a clock in ms */
  constructor(
    readonly perMinute: number,
    readonly now: () => number = () => performance.now(),
  ) {}

  /** @throws ApiError 400 where so many tokens never fit, 429 with the seconds until they do */
  check(caller: string, numTokens: number): void {
    if (numTokens > this.perMinute) {
      const message = `The prompt has ${numTokens} tokens; ${this.perMinute} may be spent in a minute.`;
      throw new ApiError('invalid_value', message);
    }
    const { left } = this.#accountOf(caller);
    if (numTokens <= left) return;
    const seconds = Math.ceil(this.#msFor(numTokens - left) / 1000);
    const message = `The limit of ${this.perMinute} tokens per minute is reached; ${Math.max(0, Math.floor(left))} are left, the prompt has ${numTokens}.`;
    throw new ApiError('rate_limit_exceeded', message, null, seconds);
  }

  spend(caller: string, numTokens: number): void {
    this.#accountOf(caller).left -= numTokens;
  }

  allowance(caller: string): Allowance {
    const { left } = this.#accountOf(caller);
    return {
      limit: this.perMinute,
      remaining: Math.max(0, Math.floor(left)),
      resetMs: this.#msFor(this.perMinute - left),
    };
  }

  #msFor(numTokens: number): number {
    return (numTokens / this.perMinute) * MINUTE_MS;
  }

  /** As it is now. */
  #accountOf(caller: string): Account {
    const atMs = this.now();
    const last = this.#accounts.get(caller) ?? { left: this.perMinute, atMs };
    const filled = last.left + ((atMs - last.atMs) / MINUTE_MS) * this.perMinute;
    const account = { left: Math.min(this.perMinute, filled), atMs };
    this.#accounts.set(caller, account);
    return account;
  }
}

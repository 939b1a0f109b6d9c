import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../errors.js';

/** How patient a client is. */
export interface Patience {
  /** Time without a byte after which a request is given up. */
  readonly stallTimeoutMs: number;
  /** Wait after the first failure; each further one doubles it. */
  readonly backoffMs: number;
  /** The longest wait that a server may ask for. */
  readonly maxRetryAfterMs: number;
}

export const PATIENCE: Patience = { stallTimeoutMs: 30_000, backoffMs: 1000, maxRetryAfterMs: 60_000 };

const MAX_TRIES = 3;

/** What may go away by itself: worth another try. */
export class TransientError extends Error {
  override readonly name = 'TransientError';

  constructor(
    message: string,
    /** Wait that the server asked for. */
    readonly retryAfterMs: number | null = null,
  ) {
    super(message);
  }
}

/** The hub does not answer, after all tries. What is in the cache may serve instead. */
export class UnreachableError extends UserError {}

/**
 * Repeats `work` while it fails with a TransientError, three times in a row at most.
 * @param progress bytes so far: a failure after new ones counts as the first
 * @throws UnreachableError after the last try, and what else `work` throws
 */
export async function withTries<T>(
  patience: Patience,
  signal: AbortSignal,
  work: () => Promise<T>,
  progress: () => number = () => 0,
): Promise<T> {
  let failures = 0;
  for (;;) {
    const before = progress();
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      failures = progress() > before ? 1 : failures + 1;
      if (failures >= MAX_TRIES) {
        throw new UnreachableError(
          `${error.message}, also after ${MAX_TRIES} tries: check the network and HF_ENDPOINT, or try again later`,
        );
      }
      const waitMs = error.retryAfterMs ?? patience.backoffMs * 2 ** (failures - 1);
      await sleep(waitMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }
}

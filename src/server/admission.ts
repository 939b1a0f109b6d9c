import { ApiError } from '../errors.js';

const MAX_RETRY_AFTER_SECONDS = 60;
/** Weight of the newest request in the running mean of durations. */
const SMOOTHING = 0.1;

/** Bounds the sequences that run or wait. */
export class Admission {
  #numAdmitted = 0;
  #meanSeconds = 1;

  /** @param capacity.maxQueued sequences that may wait beside the `maxRunning` ones */
  constructor(readonly capacity: { readonly maxRunning: number; readonly maxQueued: number }) {}

  /**
   * Takes places for all the sequences of a request, or for none. Call the result once, when the request has ended.
   * @throws ApiError `queue_full` with the seconds after which a place should be free
   */
  admit(numSequences: number): (seconds: number) => void {
    const { maxRunning, maxQueued } = this.capacity;
    if (numSequences > maxRunning + maxQueued) {
      const most = maxRunning + maxQueued;
      const message = `The request asks for ${numSequences} answers at once; at most ${most} are taken: send fewer prompts, or a smaller n.`;
      throw new ApiError('invalid_value', message);
    }
    if (this.#numAdmitted + numSequences > maxRunning + maxQueued) throw this.#queueFull();
    this.#numAdmitted += numSequences;
    return (seconds) => {
      this.#numAdmitted -= numSequences;
      this.#meanSeconds += SMOOTHING * (seconds - this.#meanSeconds);
    };
  }

  get numAdmitted(): number {
    return this.#numAdmitted;
  }

  /** `maxRunning` places become free in one mean duration. */
  #queueFull(): ApiError {
    const { maxRunning, maxQueued } = this.capacity;
    const seconds = Math.ceil(((maxQueued + 1) / maxRunning) * this.#meanSeconds);
    const retryAfter = Math.min(MAX_RETRY_AFTER_SECONDS, Math.max(1, seconds));
    return new ApiError('queue_full', `The queue of ${maxQueued} requests is full.`, null, retryAfter);
  }
}

import { overlap } from './output/markers.js';

export interface StopResult {
  /** Text that no stop string can contain any more. */
  readonly text: string;
  /** The stop string that was found; nothing after it is text. */
  readonly matched: string | null;
}

interface Match {
  readonly start: number;
  readonly stop: string;
}

/** Finds stop strings in a stream, wherever the pieces are cut. The one that is complete first wins; of two, the longer. */
export class StopMatcher {
  #held = '';

  /** @param stops non-empty strings; @param shown whether the one that is found belongs to the text */
  constructor(
    readonly stops: readonly string[],
    readonly shown = false,
  ) {}

  push(text: string): StopResult {
    const buffer = this.#held + text;
    const match = findFirst(buffer, this.stops, this.#held.length);
    if (match !== null) {
      this.#held = '';
      const end = match.start + (this.shown ? match.stop.length : 0);
      return { text: buffer.slice(0, end), matched: match.stop };
    }
    return { text: this.#release(buffer), matched: null };
  }

  /** Lets text go in which no stop string may end; one that ends later may begin in it. */
  pass(text: string): string {
    return this.#release(this.#held + text);
  }

  /** What was held back, when the stream ends without a match. */
  flush(): string {
    const held = this.#held;
    this.#held = '';
    return held;
  }

  #release(buffer: string): string {
    const numHeld = Math.max(0, ...this.stops.map((stop) => overlap(buffer, stop)));
    this.#held = buffer.slice(buffer.length - numHeld);
    return buffer.slice(0, buffer.length - numHeld);
  }
}

/** Of those that end behind the first `numOld` characters. */
function findFirst(buffer: string, stops: readonly string[], numOld: number): Match | null {
  const matches = stops
    .map((stop) => ({ start: buffer.indexOf(stop, Math.max(0, numOld - stop.length + 1)), stop }))
    .filter(({ start }) => start >= 0);
  return matches.reduce<Match | null>(
    (best, match) => (best === null || isBefore(match, best) ? match : best),
    null,
  );
}

function isBefore(a: Match, b: Match): boolean {
  const ends = a.start + a.stop.length - (b.start + b.stop.length);
  return ends < 0 || (ends === 0 && a.start < b.start);
}

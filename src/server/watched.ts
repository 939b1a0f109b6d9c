import type { Counter, Gauge, Histogram } from 'prom-client';

/** Tells whether a metric has changed, so that its text need not be written anew. */
export interface Watched {
  /** Grows with every change. */
  readonly numChanges: number;
}

const CHANGING = ['observe', 'inc', 'dec', 'set', 'reset', 'remove'];

/** The metric itself, whose changes are counted from now on. */
export function watch<M extends Counter | Gauge | Histogram>(metric: M): M & Watched {
  let numChanges = 0;
  for (const name of CHANGING) {
    const change: unknown = Reflect.get(metric, name);
    if (typeof change !== 'function') continue;
    const value = (...given: readonly unknown[]) => {
      numChanges += 1;
      return change.apply(metric, given);
    };
    Object.defineProperty(metric, name, { value });
  }
  return Object.defineProperty(metric, 'numChanges', { get: () => numChanges }) as M & Watched;
}

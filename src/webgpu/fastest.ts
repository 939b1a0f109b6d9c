import type { LinearChoice } from './tiling.js';

/** What is to be chosen. */
export interface Job {
  /** First the default. */
  readonly candidates: readonly LinearChoice[];
  /** Whether one that gives other bytes than the default is out of the question. */
  readonly keepsBytes: boolean;
}

export interface Trial {
  /** Of one run on the device. */
  readonly ms: number;
  /** Time that the measurement took. */
  readonly costMs: number;
  readonly output: Float32Array;
}

/** Time for measuring. */
export class TimeBudget {
  #leftMs: number;
  #wasUp = false;

  constructor(ms: number) {
    this.#leftMs = ms;
  }

  /** Whether something had to be left out. */
  get wasUp(): boolean {
    return this.#wasUp;
  }

  spend(ms: number): void {
    this.#leftMs -= ms;
  }

  /** Whether there is time for what takes about so long. */
  allows(ms: number): boolean {
    const allowed = this.#leftMs > 0 && ms <= this.#leftMs;
    this.#wasUp ||= !allowed;
    return allowed;
  }
}

/** The default's share of time that another choice may take at most: less of a gain may be noise. */
const MAX_SHARE = 0.95;
/** Times that the default is measured anew before another takes its place: what slows the machine meanwhile makes any other look better. */
const CONFIRMATIONS = 3;

/** The candidate that takes the least time; null for the default, also where time is up before all are measured. */
export async function fastest(
  { candidates, keepsBytes }: Job,
  attempt: (choice: LinearChoice) => Promise<Trial>,
  budget: TimeBudget,
): Promise<LinearChoice | null> {
  const [preset, ...others] = candidates;
  if (!budget.allows(0)) return null;
  const base = await attempt(preset);
  budget.spend(base.costMs);
  let best: { readonly choice: LinearChoice | null; readonly ms: number } = {
    choice: null,
    ms: MAX_SHARE * base.ms,
  };
  for (const choice of others) {
    if (!budget.allows(base.costMs)) return null;
    const { ms, costMs, output } = await attempt(choice);
    budget.spend(costMs);
    if (keepsBytes && !sameBytes(output, base.output)) continue;
    if (ms < best.ms) best = { choice, ms };
  }
  if (best.choice === null) return null;
  for (let i = 0; i < CONFIRMATIONS; i++) {
    if (!budget.allows(base.costMs)) return null;
    const again = await attempt(preset);
    budget.spend(again.costMs);
    if (best.ms >= MAX_SHARE * again.ms) return null;
  }
  return best.choice;
}

function sameBytes(a: Float32Array, b: Float32Array): boolean {
  const words = (values: Float32Array) => Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return words(a).equals(words(b));
}

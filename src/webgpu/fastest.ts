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

type Attempt = (choice: LinearChoice) => Promise<Trial>;

/** The candidate that takes the least time; null for the default, also where time is up before all are measured. */
export async function fastest(
  { candidates, keepsBytes }: Job,
  attempt: Attempt,
  budget: TimeBudget,
): Promise<LinearChoice | null> {
  const [preset, ...others] = candidates;
  const measure = withinBudget(attempt, budget);
  const base = await measure(preset, 0);
  if (base === null) return null;
  let best: { readonly choice: LinearChoice | null; readonly ms: number } = {
    choice: null,
    ms: MAX_SHARE * base.ms,
  };
  for (const choice of others) {
    const trial = await measure(choice, base.costMs);
    if (trial === null) return null;
    if (keepsBytes && !sameBytes(trial.output, base.output)) continue;
    if (trial.ms < best.ms) best = { choice, ms: trial.ms };
  }
  if (best.choice === null) return null;
  return (await staysSlower(best.ms, () => measure(preset, base.costMs))) ? best.choice : null;
}

/** Attempts that the budget pays for; they resolve with null where it has no time for one of about `costMs`. */
function withinBudget(
  attempt: Attempt,
  budget: TimeBudget,
): (choice: LinearChoice, costMs: number) => Promise<Trial | null> {
  return async (choice, costMs) => {
    if (!budget.allows(costMs)) return null;
    const trial = await attempt(choice);
    budget.spend(trial.costMs);
    return trial;
  };
}

/** Whether the default, measured anew, takes clearly more than `ms` each time; not where time is up. */
async function staysSlower(ms: number, measureDefault: () => Promise<Trial | null>): Promise<boolean> {
  for (let i = 0; i < CONFIRMATIONS; i++) {
    const again = await measureDefault();
    if (again === null || ms >= MAX_SHARE * again.ms) return false;
  }
  return true;
}

function sameBytes(a: Float32Array, b: Float32Array): boolean {
  const words = (values: Float32Array) => Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return words(a).equals(words(b));
}

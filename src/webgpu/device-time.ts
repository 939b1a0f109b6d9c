/** Sends what is enqueued and waits for it. Resolves with its time on the device, ms; null where the device cannot tell. */
export type Finish = () => Promise<number | null>;

export interface TimingOptions {
  /** Measurements. */
  readonly repeats: number;
  /** A measurement runs the work so often that it takes about as long, ms: short work would vanish in the clock's steps. */
  readonly targetMs: number;
  /** The work runs before the first measurement for at least so long, ms: an idle GPU takes time to raise its clocks. 0 where absent. */
  readonly warmUpMs?: number;
}

/** Times in one submission at most; each may be several dispatches. */
const MAX_TIMES = 500;

/**
 * Times of one run of `enqueue` on the device, ms, in the order of the measurements. The first runs, which compile and warm caches up, do not count.
 * Where the device has no clock it is the host's, from the submission until the results are read.
 * @param enqueue called with 0, 1, 2 … so that it can take other operands each time
 */
export async function timesOnDevice(
  enqueue: (turn: number) => void,
  finish: Finish,
  { repeats, targetMs, warmUpMs = 0 }: TimingOptions,
): Promise<number[]> {
  const run = async (times: number): Promise<number> => {
    for (let turn = 0; turn < times; turn++) enqueue(turn);
    const start = performance.now();
    const deviceMs = await finish();
    return deviceMs ?? performance.now() - start;
  };
  await run(1);
  const times = Math.min(MAX_TIMES, Math.max(1, Math.ceil(targetMs / Math.max(await run(1), 1e-3))));
  const warmAt = performance.now() + warmUpMs;
  while (performance.now() < warmAt) await run(times);
  const measured: number[] = [];
  for (let i = 0; i < repeats; i++) measured.push((await run(times)) / times);
  return measured;
}

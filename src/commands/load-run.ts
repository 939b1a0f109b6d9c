import { type Measurement, type MeasureOptions, measureLoad } from '../bench/serve/measure.js';
import type { LoadPlan } from '../bench/serve/types.js';
import { UserError } from '../errors.js';
import { showLoad } from './load-progress.js';

/** Measures a load and shows how far it is. Throws UserError where the figures would not be the server's. @param label of it in the progress line */
export async function measureShown(
  label: string,
  plan: LoadPlan,
  options: Omit<MeasureOptions, 'onProgress'>,
): Promise<Measurement> {
  const display = showLoad(label);
  try {
    const measurement = await measureLoad(plan, {
      ...options,
      onProgress: (progress) => display.update(progress),
    });
    display.stop();
    const { warmupError } = measurement;
    if (warmupError !== null) process.stderr.write(`a warm-up failed: ${warmupError}\n`);
    checkClient(measurement);
    return measurement;
  } finally {
    display.stop();
  }
}

export function checkClient({ bottleneck }: Pick<Measurement, 'bottleneck'>): void {
  if (bottleneck === null) return;
  throw new UserError(
    `bench: the client was the bottleneck, so its figures are not shown: ${bottleneck}; send less (--request-rate, --max-concurrency), or from a machine with more free cores`,
  );
}

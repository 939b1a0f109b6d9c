import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Collects what nothing refers to, and lets its finalizers run, which happens between turns of the event loop. */
export async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  for (let round = 0; round < 20; round++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

import fc from 'fast-check';
import { anySchedule, runSchedule } from '../support/schedules.js';

/**
 * The long run of `test/engine/schedules.test.ts`: random schedules under the fake model until so many steps have run, each checked for
 * its answers, its blocks after every step, and its end. `npm run soak [STEPS [SEED]]`; exits 1 at the first broken promise.
 */
const [numSteps = 1_000_000, firstSeed = 1] = process.argv.slice(2).map(Number);
const RUNS_PER_ROUND = 500;

const total = {
  schedules: 0,
  steps: 0,
  finished: 0,
  aborted: 0,
  refused: 0,
  preemptions: 0,
  cachedTokens: 0,
  acceptedDrafts: 0,
};
const property = fc.asyncProperty(anySchedule, async (schedule) => {
  const summary = await runSchedule(schedule);
  total.schedules += 1;
  total.steps += summary.numSteps;
  total.finished += summary.numFinished;
  total.aborted += summary.numAborted;
  total.refused += summary.numRefused;
  total.preemptions += summary.numPreemptions;
  total.cachedTokens += summary.prefixHits;
  total.acceptedDrafts += summary.numAcceptedTokens;
});

for (let seed = firstSeed; total.steps < numSteps; seed++) {
  await fc.assert(property, { numRuns: RUNS_PER_ROUND, seed });
}
process.stdout.write(`${JSON.stringify(total)}\n0 violations\n`);

import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { Watchdog } from '#halflight/engine/watchdog.js';

const TIMEOUT_MS = 40;

function createWatchdog(): { watchdog: Watchdog; numTimeouts: () => number } {
  let numTimeouts = 0;
  const watchdog = new Watchdog(TIMEOUT_MS, () => {
    numTimeouts += 1;
  });
  return { watchdog, numTimeouts: () => numTimeouts };
}

t.test('it fires once after its time, and never before it is armed', async (t) => {
  const { watchdog, numTimeouts } = createWatchdog();
  await sleep(2 * TIMEOUT_MS);
  t.equal(numTimeouts(), 0);
  watchdog.arm();
  await sleep(4 * TIMEOUT_MS);
  t.equal(numTimeouts(), 1);
});

t.test('disarmed in time it does not fire, and can be armed again', async (t) => {
  const { watchdog, numTimeouts } = createWatchdog();
  watchdog.arm();
  watchdog.disarm();
  watchdog.disarm();
  await sleep(2 * TIMEOUT_MS);
  t.equal(numTimeouts(), 0);
  watchdog.arm();
  await sleep(2 * TIMEOUT_MS);
  t.equal(numTimeouts(), 1);
});

t.test('armed again, it forgets the time before', async (t) => {
  const { watchdog, numTimeouts } = createWatchdog();
  watchdog.arm();
  watchdog.arm();
  await sleep(3 * TIMEOUT_MS);
  t.equal(numTimeouts(), 1, 'one timer, not two');
});

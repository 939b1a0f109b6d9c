// CPU time that a server takes to answer scrapes at the endpoint picker's pace: node scripts/scrape-cost.mjs URL PID. Linux alone.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const INTERVAL_MS = 50;
const NUM_WARM_UP = 1000;
const NUM_SCRAPES = 400;

/** Of the process, in ms; a tick of Linux is 10 ms. */
function cpuMs(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return 10 * (Number(fields[11]) + Number(fields[12]));
}

async function share(pid, work) {
  const [startMs, before] = [performance.now(), cpuMs(pid)];
  await work();
  return (cpuMs(pid) - before) / (performance.now() - startMs);
}

const [url, pid] = process.argv.slice(2);
const scrape = async () => (await fetch(`${url}/metrics`)).text();
// The compiler of the first hundreds is not what a server that runs for days pays.
for (let i = 0; i < NUM_WARM_UP; i++) await scrape();
const idle = await share(pid, () => sleep(INTERVAL_MS * NUM_SCRAPES));
const scraped = await share(pid, async () => {
  for (let i = 0; i < NUM_SCRAPES; i++) await Promise.all([scrape(), sleep(INTERVAL_MS)]);
});
const percent = (value) => `${(100 * value).toFixed(2)}%`;
console.log(`of a core: ${percent(scraped)} with a scrape every ${INTERVAL_MS} ms, ${percent(idle)} without`);

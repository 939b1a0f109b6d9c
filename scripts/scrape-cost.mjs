// CPU time that a server takes to answer scrapes at the endpoint picker's pace, idle and while it streams. Linux alone.
// node scripts/scrape-cost.mjs URL PID
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const INTERVAL_MS = 50;
const NUM_WARM_UP = 1000;
const NUM_SCRAPES = 200;
const NUM_ROUNDS = 5;
const NUM_STREAMS = 4;

const [url, pid] = process.argv.slice(2);
const scrape = async () => (await fetch(`${url}/metrics`)).text();
const percent = (value) => `${(100 * value).toFixed(2)}%`;

/** Time that a thread has run, in ms (proc(5), schedstat). */
const threadMs = (thread) =>
  Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
const processMs = () => readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => sum + threadMs(thread), 0);

async function share(cpuMs, work) {
  const [startMs, before] = [performance.now(), cpuMs()];
  await work();
  return (cpuMs() - before) / (performance.now() - startMs);
}

const wait = () => sleep(INTERVAL_MS * NUM_SCRAPES);
async function scrapes() {
  for (let i = 0; i < NUM_SCRAPES; i++) await Promise.all([scrape(), sleep(INTERVAL_MS)]);
}

/** Rounds with and without scrapes take turns; the medians. */
async function compare(label, cpuMs) {
  const rounds = [];
  for (let i = 0; i < NUM_ROUNDS; i++) {
    rounds.push({ without: await share(cpuMs, wait), with: await share(cpuMs, scrapes) });
  }
  const median = (key) => rounds.map((round) => round[key]).sort((a, b) => a - b)[NUM_ROUNDS >> 1];
  const [scraped, quiet] = [median('with'), median('without')];
  console.log(`${label}: ${percent(scraped - quiet)} of a core (${percent(scraped)} less ${percent(quiet)})`);
}

/** One stream after another, until the signal ends the last. */
async function streams(signal) {
  const body = JSON.stringify({
    prompt: 'Once upon a time',
    max_tokens: 900,
    ignore_eos: true,
    stream: true,
  });
  const headers = { 'content-type': 'application/json' };
  while (!signal.aborted) {
    await fetch(`${url}/v1/completions`, { method: 'POST', headers, body, signal })
      .then((reply) => reply.text())
      .catch(() => undefined);
  }
}

// The compiler of the first hundreds is not what a server that runs for days pays.
for (let i = 0; i < NUM_WARM_UP; i++) await scrape();
await compare('idle', processMs);
const controller = new AbortController();
const running = Array.from({ length: NUM_STREAMS }, () => streams(controller.signal));
await sleep(2000);
// The engine has a thread of its own, whose load would drown the figure.
await compare(`${NUM_STREAMS} streams, the server's main thread`, () => threadMs(pid));
controller.abort();
await Promise.all(running);

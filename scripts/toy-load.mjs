#!/usr/bin/env node
// Holds `bench serve` against a server whose delays are known: `npm run bench:toy`. The server is a process of its own and waits exactly as long
// as it is told; the figures must be those computed by hand, within 2 ms. Wants a machine with nothing else to do.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { root } from './steps.mjs';

const TOLERANCE_MS = 2;
const NUM_REQUESTS = 200;
const NUM_TOKENS = 11;
/** Until then the compiler of the sender's JavaScript is at work beside it. */
const NUM_WARMUPS = 250;
/** ms until the first token of requests in turn, then 4, 6 … 12 ms between two. No percentile lies where one delay ends and the next begins. */
const TTFT_MS = [20, 30, 40, 50, 50];
const ttftMs = (i) => TTFT_MS[i % 5];
const itlMs = (i) => 4 + 2 * (i % 5);
/** Of forty of each first delay and four hundred of each other one. */
const BY_HAND = {
  mean_ttft_ms: 38,
  median_ttft_ms: 40,
  p90_ttft_ms: 50,
  p99_ttft_ms: 50,
  mean_itl_ms: 8,
  median_itl_ms: 8,
  p90_itl_ms: 12,
  p99_itl_ms: 12,
};

/** What a timer may be late by. */
const TIMER_MS = 2;

/** Looks at the clock at the end alone: a process that never sleeps is in the way of the one that is measured. */
async function until(ms) {
  const left = ms - performance.now();
  if (left > TIMER_MS) await setTimeout(left - TIMER_MS);
  while (performance.now() < ms) await setImmediate();
}

async function answer(response, i, startMs) {
  response.socket.setNoDelay(true);
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const send = (event) => response.write(`data: ${JSON.stringify(event)}\n\n`);
  for (let token = 0; token < NUM_TOKENS; token++) {
    await until(startMs + ttftMs(i) + token * itlMs(i));
    send({ choices: [{ text: 'a' }] });
  }
  send({ choices: [{ text: '', finish_reason: 'length' }] });
  send({ choices: [], usage: { prompt_tokens: 16, completion_tokens: NUM_TOKENS } });
  response.end('data: [DONE]\n\n');
}

async function serve() {
  let count = 0;
  const server = createServer((request, response) => {
    if (request.method === 'GET') {
      response.end(JSON.stringify({ data: [{ id: 'toy' }] }));
      return;
    }
    const startMs = performance.now();
    request.resume().on('end', () => answer(response, count++, startMs));
  });
  server.listen(0, '127.0.0.1', () => process.send(server.address().port));
}

async function main() {
  const toy = spawn(process.execPath, [fileURLToPath(import.meta.url), 'serve'], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  try {
    const [port] = await once(toy, 'message');
    const options = [
      '--num-prompts',
      String(NUM_REQUESTS),
      '--num-warmups',
      String(NUM_WARMUPS),
      '--max-concurrency',
      '1',
    ];
    const url = `http://127.0.0.1:${port}`;
    const args = ['dist/cli.js', 'bench', 'serve', '--base-url', url, '--json', ...options];
    compare(JSON.parse(execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' })));
  } finally {
    toy.kill();
  }
}

function compare(figures) {
  for (const [name, expected] of Object.entries(BY_HAND)) {
    const off = figures[name] - expected;
    const isOff = !(Math.abs(off) <= TOLERANCE_MS);
    if (isOff) process.exitCode = 1;
    console.log(
      `${name}: ${figures[name]?.toFixed(2)}, by hand ${expected}${isOff ? ': off by more than 2 ms' : ''}`,
    );
  }
}

await (process.argv[2] === 'serve' ? serve() : main());

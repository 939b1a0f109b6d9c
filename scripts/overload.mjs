#!/usr/bin/env node
// Sends a server ten times what it sustains: `npm run bench:overload [REQUESTS] [-- options of serve]`. Every request must be answered or refused
// with 429, and the server must answer again within 5 s.
import { execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { root, StepError, urlOf } from './steps.mjs';

const CLI = join(root, 'dist/cli.js');
const FACTOR = 10;
const MAX_RECOVERY_SECONDS = 5;
const LENGTHS = ['--input-len', '16', '--output-len', '32', '--ignore-eos'];

async function main([count = '1000', ...serveOptions]) {
  const server = spawn(
    process.execPath,
    [CLI, 'serve', '--port', '0', '--log-level', 'error', ...serveOptions],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  process.on('exit', () => server.kill('SIGKILL'));
  try {
    overload(await urlOf(server), Number(count));
  } finally {
    server.kill('SIGTERM');
  }
}

function overload(url, count) {
  const steady = bench(url, ['--max-concurrency', '16', '--num-prompts', '64']);
  const sustained = steady.request_throughput;
  console.log(
    `sustained: ${sustained.toFixed(1)} requests/s, ${steady.output_throughput.toFixed(1)} tokens/s`,
  );
  const rate = FACTOR * sustained;
  const result = bench(url, ['--request-rate', String(rate), '--num-prompts', String(count), '--recovery']);
  const { completed, failed, errors, recovery_seconds: recovery, duration, p99_ttft_ms: ttft } = result;
  console.log(
    `${count} requests at ${rate.toFixed(1)}/s: ${completed} answered, ${JSON.stringify(errors)} refused`,
  );
  console.log(
    `${duration.toFixed(1)} s, p99 TTFT ${ttft?.toFixed(0)} ms; answered again after ${recovery?.toFixed(2)} s`,
  );
  const refused = errors['HTTP 429'] ?? 0;
  if (completed + failed !== count) throw new StepError('the report does not add up');
  if (failed !== refused) throw new StepError('some requests were neither answered nor refused with 429');
  if (recovery === null || recovery > MAX_RECOVERY_SECONDS)
    throw new StepError('the server did not recover in time');
}

function bench(url, args) {
  const line = [CLI, 'bench', 'serve', '--base-url', url, '--json', ...LENGTHS, ...args];
  return JSON.parse(
    execFileSync(process.execPath, line, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }),
  );
}

main(process.argv.slice(2)).then(
  () => process.exit(0),
  (error) => {
    console.error(error instanceof StepError ? error.message : error);
    process.exit(1);
  },
);

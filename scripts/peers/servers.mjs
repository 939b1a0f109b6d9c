// halflight's server and llama.cpp's on the same GGUF file, loaded by `bench serve` with the same flags, in turn.
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { median } from './products.mjs';

const CONCURRENCIES = [1, 4, 16];
const INPUT_LEN = 64;
const OUTPUT_LEN = 32;
const ROUNDS = 3;
const MAX_STARTS = 600;
const KEYS = ['output_throughput', 'median_ttft_ms', 'median_itl_ms', 'p99_itl_ms'];

/** @param root of the repository; @param folder for the model's file; @param print takes lines */
export async function compareServers({ root, folder, print }) {
  const cli = join(root, 'dist/cli.js');
  const out = join(folder, 'fable-q8_0');
  if (!existsSync(out)) await run([cli, 'quantize', join(root, 'models/fable'), out, '--scheme', 'q8_0']);
  const model = join(out, 'model.gguf');
  const most = String(Math.max(...CONCURRENCIES));
  const sides = {
    halflight: (port) => [process.execPath, cli, 'serve', model, '--port', port, '--max-num-seqs', most],
    'llama-server': (port) => llamaServer(model, port, most),
  };
  const rounds = { halflight: [], 'llama-server': [] };
  for (let round = 0; round < ROUNDS; round++)
    for (const [name, command] of Object.entries(sides))
      rounds[name].push(await measure(cli, command, round));
  print(
    `Fable, Q8_0, prompts of ${INPUT_LEN} and answers of ${OUTPUT_LEN} tokens, medians of ${ROUNDS} rounds in turn`,
  );
  print(`requests at once | server | ${KEYS.join(' | ')} | failed`);
  for (const [i, load] of CONCURRENCIES.entries()) {
    for (const [name, results] of Object.entries(rounds)) {
      const at = (key) => median(results.map((levels) => levels[i][key]));
      const failed = results.reduce((sum, levels) => sum + levels[i].failed, 0);
      print(`${load} | ${name} | ${KEYS.map((key) => at(key).toFixed(1)).join(' | ')} | ${failed}`);
    }
  }
}

function llamaServer(model, port, slots) {
  const [program, ...given] = (process.env.LLAMA_SERVER ?? 'llama-server').split(' ');
  const context = String(Number(slots) * 1024);
  return [program, ...given, '-m', model, '--port', port, '-np', slots, '-c', context, '-ngl', '99'];
}

/** Results of each concurrency. The first load of all warms up. */
async function measure(cli, command, round) {
  const port = await freePort();
  const [program, ...args] = command(port);
  const server = spawn(program, args, { stdio: 'ignore' });
  const kill = () => server.kill('SIGKILL');
  process.on('exit', kill);
  try {
    const url = `http://127.0.0.1:${port}`;
    await ready(url, server);
    await bench(cli, url, 16, 1000 + round);
    const levels = [];
    for (const load of CONCURRENCIES) levels.push(await bench(cli, url, load, 100 * round + load));
    return levels;
  } finally {
    process.off('exit', kill);
    server.kill('SIGTERM');
  }
}

async function bench(cli, url, load, seed) {
  const lengths = ['--input-len', String(INPUT_LEN), '--output-len', String(OUTPUT_LEN), '--ignore-eos'];
  const amount = ['--max-concurrency', String(load), '--num-prompts', String(Math.max(8, 2 * load))];
  const line = [
    cli,
    'bench',
    'serve',
    '--base-url',
    url,
    '--seed',
    String(seed),
    '--json',
    ...lengths,
    ...amount,
  ];
  return JSON.parse((await run(line)).stdout);
}

async function ready(url, server) {
  for (let i = 0; i < MAX_STARTS && server.exitCode === null; i++) {
    const { status } = await fetch(`${url}/health`).catch(() => ({ status: 0 }));
    if (status === 200) return;
    await sleep(200);
  }
  throw new Error(`${server.spawnargs[0]} does not start`);
}

function freePort() {
  const server = createServer();
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(String(port)));
    });
  });
}

function run(line) {
  return promisify(execFile)(process.execPath, line, { maxBuffer: 2 ** 26 });
}

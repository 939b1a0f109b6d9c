// Two servers of the bundled model behind HAProxy, or nginx (PROXY=nginx). In each round 50 streams run, one server gets SIGTERM in the
// middle of them and is started again; every stream must end with [DONE] and all its tokens. Prints how many were lost.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { root, until } from './steps.mjs';

const NUM_ROUNDS = Number(process.env.ROUNDS ?? 20);
const NUM_STREAMS = 50;
const NUM_TOKENS = 40;
const PORTS = [18_001, 18_002];
const PROXY_PORT = 18_080;
const DRAIN_DELAY_SECONDS = 3;
const body = JSON.stringify({
  prompt: 'Once upon a time',
  max_tokens: NUM_TOKENS,
  ignore_eos: true,
  stream: true,
  stream_options: { include_usage: true },
});
const headers = { 'content-type': 'application/json' };

/** A child and its exit code; standard error is shown. */
function start(command, args, env = {}) {
  const child = spawn(command, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return { child, ended: once(child, 'exit').then(([code]) => code) };
}

async function startServer(port) {
  const drain = ['--drain-delay', String(DRAIN_DELAY_SECONDS), '--max-num-seqs', '32'];
  const server = start(process.execPath, [
    'dist/cli.js',
    'serve',
    '--port',
    String(port),
    '--no-autotune',
    ...drain,
  ]);
  await until(`http://127.0.0.1:${port}/health/ready`);
  return server;
}

/** Starts the proxy with the configuration that the repository ships. */
function startProxy(folder) {
  if (process.env.PROXY === 'nginx') {
    const shipped = readFileSync(join(root, 'docker/nginx.conf'), 'utf8');
    const file = join(folder, 'nginx.conf');
    const addresses = shipped
      .replace('127.0.0.1:8001', `127.0.0.1:${PORTS[0]}`)
      .replace('127.0.0.1:8002', `127.0.0.1:${PORTS[1]}`)
      .replace('listen 8080', `listen ${PROXY_PORT}`);
    writeFileSync(file, `pid ${folder}/pid;\nerror_log ${folder}/log;\n${addresses}`);
    return start('nginx', ['-c', file, '-g', 'daemon off;']);
  }
  const [SERVER1, SERVER2] = PORTS.map((port) => `127.0.0.1:${port}`);
  const env = { LISTEN: `127.0.0.1:${PROXY_PORT}`, SERVER1, SERVER2 };
  return start('haproxy', ['-f', 'docker/haproxy.cfg'], env);
}

/** null where the stream is whole, else what is wrong with it. */
async function stream() {
  try {
    const reply = await fetch(`http://127.0.0.1:${PROXY_PORT}/v1/completions`, {
      method: 'POST',
      headers,
      body,
    });
    const text = await reply.text();
    if (reply.status !== 200) return `status ${reply.status}: ${text.slice(0, 200)}`;
    if (!text.trimEnd().endsWith('data: [DONE]')) return `cut off: ${text.slice(-200)}`;
    const tokens = Number(/"completion_tokens":(\d+)/.exec(text)?.[1] ?? 0);
    return tokens === NUM_TOKENS ? null : `${tokens} tokens`;
  } catch (error) {
    return String(error.cause ?? error);
  }
}

async function generated(port) {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return Number(/^vllm:generation_tokens_total\{[^}]*\} (\S+)/m.exec(text)?.[1] ?? 0);
}

/** Half of the streams begin before the signal, half within the seconds after it. */
async function round(servers, index) {
  const begin = (i) => sleep(i < NUM_STREAMS / 2 ? 0 : 400 + 100 * (i - NUM_STREAMS / 2)).then(stream);
  const streams = Array.from({ length: NUM_STREAMS }, (_, i) => begin(i));
  await sleep(300);
  const leaving = index % 2;
  servers[leaving].child.kill('SIGTERM');
  const faults = (await Promise.all(streams)).filter((fault) => fault !== null);
  const code = await servers[leaving].ended;
  console.log(`round ${index + 1}: ${faults.length} of ${NUM_STREAMS} lost, exit code ${code}`);
  for (const fault of new Set(faults)) console.log(`  ${fault}`);
  servers[leaving] = await startServer(PORTS[leaving]);
  await sleep(2500);
  return { numLost: faults.length, code };
}

const folder = mkdtempSync(join(tmpdir(), 'halflight-proxy-'));
const servers = await Promise.all(PORTS.map(startServer));
const proxy = startProxy(folder);
await until(`http://127.0.0.1:${PROXY_PORT}/health`);
await sleep(1500);
await Promise.all(Array.from({ length: 20 }, stream));
const [first, second] = await Promise.all(PORTS.map(generated));
console.log(`tokens of 20 streams: ${first} and ${second}`);
let failed = Math.min(first, second) < 0.25 * (first + second);
for (let i = 0; i < NUM_ROUNDS; i++) {
  const { numLost, code } = await round(servers, i);
  failed ||= numLost > 0 || code !== 0;
}
for (const { child } of [...servers, proxy]) child.kill('SIGTERM');
await Promise.all([...servers, proxy].map(({ ended }) => ended));
rmSync(folder, { recursive: true });
console.log(failed ? 'FAILED' : 'no stream was lost');
process.exitCode = failed ? 1 : 0;

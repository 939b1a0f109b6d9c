// A server of the bundled model under some load, Prometheus with the configuration that the repository ships, and what its HTTP API answers
// to the dashboard's queries. Ends with 1 where a target is down or a query has no data.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root, until } from './steps.mjs';

const PORT = 18_003;
const PROMETHEUS_PORT = 18_090;
// Rates need two scrapes, which are 5 s apart.
const LOAD_MS = 15_000;
const url = `http://127.0.0.1:${PORT}`;
const prometheus = `http://127.0.0.1:${PROMETHEUS_PORT}`;
const folder = mkdtempSync(join(tmpdir(), 'halflight-prometheus-'));

const start = (command, args) => spawn(command, args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });

function startPrometheus() {
  const config = readFileSync(join(root, 'docker/prometheus/prometheus.yml'), 'utf8');
  writeFileSync(join(folder, 'prometheus.yml'), config.replace('halflight:8000', `127.0.0.1:${PORT}`));
  return start('prometheus', [
    `--config.file=${folder}/prometheus.yml`,
    `--storage.tsdb.path=${folder}/data`,
    `--web.listen-address=127.0.0.1:${PROMETHEUS_PORT}`,
    '--log.level=warn',
  ]);
}

/** Prompts that begin alike, so that the prefix cache has hits. */
async function load() {
  const prompt = `${'Once upon a time there was a fox. '.repeat(8)}One day`;
  const body = JSON.stringify({ prompt, max_tokens: 20, ignore_eos: true });
  const headers = { 'content-type': 'application/json' };
  const endMs = performance.now() + LOAD_MS;
  while (performance.now() < endMs) {
    const { ok, status } = await fetch(`${url}/v1/completions`, { method: 'POST', headers, body });
    if (!ok) throw new Error(`a completion was answered with ${status}`);
  }
}

async function ask(path, parameters = {}) {
  const reply = await fetch(`${prometheus}/api/v1/${path}?${new URLSearchParams(parameters)}`);
  const { status, data, error } = await reply.json();
  if (status !== 'success') throw new Error(`${path}: ${error}`);
  return data;
}

async function check() {
  const { activeTargets } = await ask('targets');
  for (const { scrapeUrl, health, lastError } of activeTargets)
    console.log(`${health} ${scrapeUrl} ${lastError}`);
  const isUp = activeTargets.length > 0 && activeTargets.every(({ health }) => health === 'up');
  const dashboard = JSON.parse(readFileSync(join(root, 'docker/grafana/dashboards/halflight.json'), 'utf8'));
  const expressions = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
  const missing = [];
  for (const expr of expressions) {
    const query = expr.replaceAll('$model', '.*').replaceAll('$__rate_interval', '1m');
    const { result } = await ask('query', { query });
    // A device that does not tell its time has a histogram of it without observations, whose quantiles are NaN.
    const isTold = result.some(
      ({ value }) => Number.isFinite(Number(value[1])) || query.includes('step_gpu'),
    );
    if (!isTold) missing.push(query);
  }
  for (const query of missing) console.log(`no data: ${query}`);
  console.log(
    `${expressions.length - missing.length} of ${expressions.length} queries of the dashboard have data`,
  );
  return isUp && missing.length === 0;
}

const server = start(process.execPath, [
  'dist/cli.js',
  'serve',
  '--port',
  String(PORT),
  '--no-autotune',
  '--log-level',
  'warn',
]);
const reader = startPrometheus();
try {
  await until(`${url}/health/ready`);
  await until(`${prometheus}/-/ready`);
  await load();
  process.exitCode = (await check()) ? 0 : 1;
} finally {
  for (const child of [server, reader]) child.kill();
  await Promise.all([server, reader].map((child) => child.exitCode ?? once(child, 'exit')));
  rmSync(folder, { recursive: true, force: true });
}

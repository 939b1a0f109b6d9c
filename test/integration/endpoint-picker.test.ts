import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { startServer } from '../support/cli.js';
import { post } from '../support/requests.js';

// What the endpoint picker of the Gateway API Inference Extension (llm-d-router) reads of a model server: every 50 ms, and what is older
// than 200 ms counts as saturated.
const SCRAPE_MS = 50;
const STALE_MS = 200;
const GAUGES = ['vllm:num_requests_running', 'vllm:num_requests_waiting', 'vllm:kv_cache_usage_perc'];

const { cli, url } = await startServer(t, '--max-num-seqs', '1');

interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Scrape {
  readonly types: ReadonlyMap<string, string>;
  readonly series: ReadonlyMap<string, readonly Series[]>;
}

/** Prometheus text format, as strictly as the picker's parser: a type before the series, labels in quotes, a float. */
function parse(text: string): Scrape {
  const types = new Map<string, string>();
  const series = new Map<string, Series[]>();
  for (const line of text.split('\n').filter((one) => one !== '' && !one.startsWith('# HELP '))) {
    const [, typed, type] = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line) ?? [];
    if (typed !== undefined && type !== undefined) {
      types.set(typed, type);
      continue;
    }
    const [, name, list, number] = /^([a-z0-9_:]+)\{((?:[a-z0-9_]+="[^"\n]*",?)*)\} (\S+)$/.exec(line) ?? [];
    if (name === undefined || list === undefined) throw new Error(`no series: ${line}`);
    const labels = Object.fromEntries(
      [...list.matchAll(/([a-z0-9_]+)="([^"]*)"/g)].map(([, label, value]) => [label, value]),
    );
    series.set(name, [...(series.get(name) ?? []), { labels, value: Number(number) }]);
  }
  return { types, series };
}

async function scrape(): Promise<Scrape> {
  return parse(await (await fetch(`${url}/metrics`)).text());
}

async function gauge(name: string): Promise<number> {
  return (await scrape()).series.get(name)?.[0]?.value ?? Number.NaN;
}

t.test('the three gauges are gauges of one series each', async (t) => {
  const { types, series } = await scrape();
  for (const name of GAUGES) {
    t.equal(types.get(name), 'gauge', name);
    const found = series.get(name) ?? [];
    t.equal(found.length, 1, name);
    t.match(found, [{ labels: { model_name: 'fable', engine: '0' }, value: 0 }]);
  }
});

t.test('the size of the KV cache is in labels of one series', async (t) => {
  const found = (await scrape()).series.get('vllm:cache_config_info') ?? [];
  t.match(found, [{ value: 1, labels: { block_size: /^\d+$/, num_gpu_blocks: /^\d+$/ } }]);
  t.equal(found.length, 1);
});

t.test('a request shows within 200 ms of a scrape every 50 ms, and its end too', async (t) => {
  const controller = new AbortController();
  const body = { prompt: 'Once upon a time', max_tokens: 900, ignore_eos: true, stream: true };
  const streams = [1, 2].map(() => post(url, '/v1/completions', body, controller.signal).catch(() => null));
  const seen = async (name: string, isSeen: (value: number) => boolean) => {
    const startMs = performance.now();
    while (!isSeen(await gauge(name))) {
      if (performance.now() - startMs > 5000) throw new Error(`${name} did not change`);
      await sleep(SCRAPE_MS);
    }
    return performance.now() - startMs;
  };
  await streams[0];
  // One runs and one waits, for there is one place.
  t.ok((await seen('vllm:num_requests_running', (value) => value === 1)) < STALE_MS);
  t.ok((await seen('vllm:num_requests_waiting', (value) => value === 1)) < STALE_MS);
  t.ok((await seen('vllm:kv_cache_usage_perc', (value) => value > 0 && value <= 1)) < STALE_MS);
  controller.abort();
  await Promise.all(streams);
  for (const name of GAUGES) t.ok((await seen(name, (value) => value === 0)) < STALE_MS, name);
});

/** CPU time that the process has taken, in ms; a tick of Linux is 10 ms. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return 10 * (Number(fields[11]) + Number(fields[12]));
}

const skip = process.platform === 'linux' ? false : 'CPU time is read from /proc';

t.test('twenty scrapes a second take less than 2% of a core', { skip }, async (t) => {
  const get = async () => (await fetch(`${url}/metrics`)).text();
  // The compiler of the first hundreds is not what a server that runs for days pays.
  for (let i = 0; i < 1000; i++) await get();
  const before = cpuMs(cli.pid);
  // In a row, for what a core that slept needs to wake up differs between machines. 600 take 0.4 s and more: a tick is 2% of that.
  for (let i = 0; i < 600; i++) await get();
  const share = ((cpuMs(cli.pid) - before) / 600) * (1 / SCRAPE_MS);
  t.comment(`${(100 * share).toFixed(2)}% of a core`);
  t.ok(share < 0.02, `${share}`);
});

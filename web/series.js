import { largest, quantile, sum } from './prometheus.js';

/**
 * @typedef {{ atMs: number, scrape: import('./prometheus.js').Scrape }} Sample
 * @typedef {{ label: string, of: (now: Sample, last: Sample, before: Sample) => number | null }} Series
 * @typedef {{ title: string, format: (value: number) => string, series: readonly Series[] }} ChartSpec
 */

/** @param {string} label @param {string} name @returns {Series} */
const gauge = (label, name) => ({ label, of: ({ scrape }) => sum(scrape, name) });

/** A counter's growth in a second. @param {string} label @param {string} name @returns {Series} */
const rate = (label, name) => ({
  label,
  of: (now, last) => {
    const seconds = (now.atMs - last.atMs) / 1000;
    const grown = sum(now.scrape, name) - sum(last.scrape, name);
    // A counter that fell is of a server that was started anew.
    return seconds === 0 || grown < 0 ? null : grown / seconds;
  },
});

/** @param {string} name @returns {Series[]} */
const quantiles = (name) =>
  [50, 95].map((percent) => ({
    label: `p${percent}`,
    of: (now, _last, before) => quantile(before.scrape, now.scrape, name, percent / 100),
  }));

/** @param {string} kind @returns {Series} */
const memory = (kind) => ({
  label: kind.replace('_', ' '),
  of: ({ scrape }) =>
    (scrape.get('halflight:gpu_memory_bytes') ?? [])
      .filter(({ labels }) => labels.kind === kind)
      .reduce((total, { value }) => total + value, 0),
});

/** @param {number} value */
const plain = (value) => (value < 10 ? value.toFixed(1) : String(Math.round(value)));

/** @param {number} seconds */
const duration = (seconds) => (seconds < 1 ? `${plain(seconds * 1000)} ms` : `${seconds.toFixed(2)} s`);

/** @param {number} bytes */
const mebibytes = (bytes) =>
  bytes < 2 ** 30 ? `${plain(bytes / 2 ** 20)} MiB` : `${(bytes / 2 ** 30).toFixed(2)} GiB`;

/** What the charts show, of all models together. @type {readonly ChartSpec[]} */
export const CHARTS = [
  {
    title: 'Requests',
    format: (value) => String(value),
    series: [gauge('running', 'vllm:num_requests_running'), gauge('waiting', 'vllm:num_requests_waiting')],
  },
  {
    title: 'KV cache in use',
    format: (value) => `${(value * 100).toFixed(1)} %`,
    series: [{ label: 'in use', of: ({ scrape }) => largest(scrape, 'vllm:kv_cache_usage_perc') }],
  },
  {
    title: 'Generated tokens/s',
    format: plain,
    series: [rate('generated', 'vllm:generation_tokens_total')],
  },
  { title: 'Prompt tokens/s', format: plain, series: [rate('prompt', 'vllm:prompt_tokens_total')] },
  {
    title: 'Time to first token',
    format: duration,
    series: quantiles('vllm:time_to_first_token_seconds'),
  },
  {
    title: 'Time between tokens',
    format: duration,
    series: quantiles('vllm:inter_token_latency_seconds'),
  },
  {
    title: 'GPU memory',
    format: mebibytes,
    series: [memory('weights'), memory('kv_cache'), memory('activations')],
  },
];

import type { EngineInfo } from '../engine/types.js';
import { formatBytes, formatCount } from './format.js';

export interface BannerFacts {
  readonly url: string;
  readonly name: string;
  /** Other names in the API, of this model and of those that are loaded when they are asked for. */
  readonly others: readonly string[];
  readonly info: EngineInfo;
  readonly readyMs: number;
  /** Whether requests must carry a key. */
  readonly needsKey: boolean;
}

/** What the terminal shows when the server is ready: what runs where, how much it takes, and a request to paste. */
export function banner(facts: BannerFacts): string[] {
  const { url, name, others, info, readyMs } = facts;
  const { adapter, memory } = info;
  const kvTokens = info.numBlocks * info.blockSize;
  const weights = `${info.weightFormat}, ${formatBytes(memory.weights)} on the device`;
  const rows = [
    ['model', `${name} (${weights})`],
    ...(others.length === 0 ? [] : [['also', others.join(', ')]]),
    ['adapter', `${adapter.name} (${adapter.vendor})`],
    ['backend', `${adapter.backend}${adapter.software ? ', SOFTWARE' : ''}; ${adapter.driver}`],
    [
      'features',
      `f16 ${yesNo(adapter.f16)}, subgroups ${yesNo(adapter.subgroups)}; computing in ${info.computeType}`,
    ],
    [
      'kv cache',
      `${formatBytes(memory.kv_cache)}${kvType(info)}: ${formatCount(kvTokens)} tokens, ${concurrency(info)} of ${formatCount(info.maxModelLen)}`,
    ],
    ['url', url],
  ];
  const lines = rows.map(([label, value]) => `  ${label.padEnd(9)} ${value}`);
  return [
    '',
    `halflight is ready (${(readyMs / 1000).toFixed(1)} s)`,
    ...lines,
    ...warning(adapter.software),
    '',
    curl(facts),
    '',
  ];
}

function warning(software: boolean): string[] {
  if (!software) return [];
  const line = 'WARNING: no GPU. The model runs on the CPU, through a software adapter: right, but slow.';
  return ['', `  ${line}`, '  `halflight doctor` shows which drivers were found and how to add one.'];
}

function concurrency({ numBlocks, blockSize, maxModelLen }: EngineInfo): string {
  const sequences = numBlocks / Math.ceil(maxModelLen / blockSize);
  return `${formatCount(sequences >= 10 ? Math.floor(sequences) : Number(sequences.toFixed(1)))} sequences`;
}

/** Told where it is not the type of the activations. */
function kvType({ kvCacheType, computeType }: EngineInfo): string {
  return kvCacheType === computeType ? '' : ` in ${kvCacheType}`;
}

function yesNo(value: boolean): string {
  return value ? 'yes' : 'no';
}

/** A key is not repeated: what is printed ends up in logs. */
function curl({ url, name, info, needsKey }: BannerFacts): string {
  const maxTokens = Math.max(1, Math.min(60, Math.floor(info.maxModelLen / 2)));
  const body = { model: name, prompt: 'Once upon a time', max_tokens: maxTokens, stream: true };
  const quoted = JSON.stringify(body).replaceAll("'", "'\\''");
  const key = needsKey ? " -H 'authorization: Bearer YOUR_KEY'" : '';
  return `  curl ${url}/v1/completions -H 'content-type: application/json'${key} -d '${quoted}'`;
}

import { type Interference, measureInterference } from '../bench/interference.js';
import { measureThroughput, median, type Throughput } from '../bench/throughput.js';
import { parseLine, type Values } from '../config.js';
import { createEngine } from '../engine/client.js';
import type { Engine } from '../engine/types.js';
import { UserError } from '../errors.js';
import { parseModelConfig } from '../model/config-parse.js';
import { formatBytes, formatTable } from './format.js';
import { engineOptions, modelDirectory } from './model-options.js';
import { BENCH_OPTIONS } from './options.js';
import { showProgress, whileLoading } from './progress.js';

type BenchValues = Values<(typeof BENCH_OPTIONS)[number]>;

/** Measures the engine and prints a table. Resolves with the exit code. */
export async function runBench(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseLine(args, BENCH_OPTIONS);
  const [kind = '', ...models] = positionals;
  const measure = KINDS.get(kind);
  if (measure === undefined) {
    throw new UserError(`bench: measures ${[...KINDS.keys()].join(' or ')}, not ${JSON.stringify(kind)}`);
  }
  const dir = modelDirectory(models);
  const { vocabSize } = await parseModelConfig(dir);
  const options = {
    ...engineOptions(dir, values),
    // One place more than streams, for the long prompt.
    maxNumSeqs: Math.max(...values.concurrency) + 1,
    maxNumBatchedTokens: values['max-num-batched-tokens'],
    prefixCaching: false,
  };
  const engine = await whileLoading(showProgress(), (onProgress) => createEngine(options, { onProgress }));
  const { results, table } = await measure(engine, values, vocabSize);
  const lines = values.json
    ? [JSON.stringify({ engine: engine.info, results })]
    : [...heading(engine), ...table];
  await engine.close();
  process.stdout.write(`${lines.join('\n')}\n`);
  return 0;
}

interface Measured {
  readonly results: readonly object[];
  readonly table: readonly string[];
}

const KINDS: ReadonlyMap<
  string,
  (engine: Engine, values: BenchValues, vocabSize: number) => Promise<Measured>
> = new Map([
  ['throughput', benchThroughput],
  ['interference', benchInterference],
]);

async function benchThroughput(engine: Engine, values: BenchValues, vocabSize: number): Promise<Measured> {
  const results = await measureAll(engine, values, vocabSize);
  const base = results[0].outputThroughput;
  const rows = results.map((result) => [
    String(result.concurrency),
    result.outputThroughput.toFixed(1),
    `${(result.outputThroughput / base).toFixed(2)}×`,
    result.medianTtftMs.toFixed(1),
    result.medianItlMs.toFixed(1),
    result.p99ItlMs.toFixed(1),
  ]);
  const heads = ['requests', 'tokens/s', 'ratio', 'TTFT ms', 'ITL ms', 'ITL p99'];
  return { results, table: formatTable([heads, ...rows]) };
}

async function benchInterference(engine: Engine, values: BenchValues, vocabSize: number): Promise<Measured> {
  const lengths = { inputLen: values['input-len'], outputLen: values['output-len'], vocabSize };
  const results: Interference[] = [];
  for (let round = 0; round <= values.repeats; round++) {
    const [concurrency] = values.concurrency.slice(-1);
    const options = { ...lengths, concurrency, longInputLen: values['long-input-len'] };
    results.push(await measureInterference(engine, options));
  }
  const rows = results
    .slice(1)
    .map((result) => [
      String(result.concurrency),
      result.p99ItlBeforeMs.toFixed(1),
      result.p99ItlBesideMs.toFixed(1),
      `${(result.p99ItlBesideMs / result.p99ItlBeforeMs).toFixed(2)}×`,
      result.longTtftMs.toFixed(0),
    ]);
  const heads = ['streams', 'ITL p99 before, ms', 'beside the prefill, ms', 'ratio', 'long TTFT ms'];
  return { results: results.slice(1), table: formatTable([heads, ...rows]) };
}

/** Repeats are interleaved, so that a machine that slows down slows all numbers of requests alike. The first round warms up. */
async function measureAll(engine: Engine, values: BenchValues, vocabSize: number): Promise<Throughput[]> {
  const rounds: Throughput[][] = [];
  const lengths = { inputLen: values['input-len'], outputLen: values['output-len'], vocabSize };
  for (let round = 0; round <= values.repeats; round++) {
    const results: Throughput[] = [];
    for (const concurrency of values.concurrency) {
      results.push(await measureThroughput(engine, { ...lengths, concurrency }));
    }
    rounds.push(results);
  }
  return values.concurrency.map((_, i) => median(rounds.slice(1).map((results) => results[i])));
}

function heading({ info }: Engine): string[] {
  const { adapter, weightFormat, computeType, memory } = info;
  return [
    `${adapter.name}; ${adapter.driver}`,
    `weights ${weightFormat}, ${formatBytes(memory.weights)}; computing in ${computeType}`,
  ];
}

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
  const [kind, ...models] = positionals;
  if (kind !== 'throughput')
    throw new UserError(`bench: measures throughput, not ${JSON.stringify(kind ?? '')}`);
  const dir = modelDirectory(models);
  const { vocabSize } = await parseModelConfig(dir);
  const options = {
    ...engineOptions(dir, values),
    maxNumSeqs: Math.max(...values.concurrency),
    maxNumBatchedTokens: values['max-num-batched-tokens'],
  };
  const engine = await whileLoading(showProgress(), (onProgress) => createEngine(options, { onProgress }));
  const results = await measureAll(engine, values, vocabSize);
  await engine.close();
  const lines = values.json ? [JSON.stringify({ engine: engine.info, results })] : report(engine, results);
  process.stdout.write(`${lines.join('\n')}\n`);
  return 0;
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

function report({ info }: Engine, results: readonly Throughput[]): string[] {
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
  const { adapter, weightFormat, computeType, memory } = info;
  return [
    `${adapter.name}; ${adapter.driver}`,
    `weights ${weightFormat}, ${formatBytes(memory.weights)}; computing in ${computeType}`,
    ...formatTable([heads, ...rows]),
  ];
}

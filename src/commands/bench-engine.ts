import { type Interference, measureInterference } from '../bench/interference.js';
import { measurePrefix, type PrefixTimes } from '../bench/prefix.js';
import { StepLog, type StepTimes, stepTimes } from '../bench/steps.js';
import { measureThroughput, median, type Throughput } from '../bench/throughput.js';
import { createEngine } from '../engine/client.js';
import type { Engine } from '../engine/types.js';
import { parseModelConfig } from '../model/config-parse.js';
import type { BenchReport, BenchValues } from './bench-report.js';
import { formatBytes, formatTable } from './format.js';
import { engineOptions, findModel, fixedLengths } from './model-options.js';
import { showProgress, whileLoading } from './progress.js';

interface Measured {
  readonly results: readonly object[];
  readonly table: readonly string[];
}

/** What is measured through a whole engine, in its worker. */
interface EngineBench {
  readonly measure: (engine: Engine, values: BenchValues, vocabSize: number) => Promise<Measured>;
  /** Whether the engine may know a prompt's start from the repeat before. */
  readonly prefixCaching: boolean;
}

export const THROUGHPUT: EngineBench = { measure: benchThroughput, prefixCaching: false };
export const INTERFERENCE: EngineBench = { measure: benchInterference, prefixCaching: false };
export const PREFIX: EngineBench = { measure: benchPrefix, prefixCaching: true };

export async function benchEngine(
  { measure, prefixCaching }: EngineBench,
  values: BenchValues,
  models: readonly string[],
): Promise<BenchReport> {
  const dir = await findModel(models, values);
  const { vocabSize } = await parseModelConfig(dir);
  const options = {
    ...engineOptions(dir, values),
    // One place more than streams, for the long prompt.
    maxNumSeqs: Math.max(...values.concurrency) + 1,
    maxNumBatchedTokens: values['max-num-batched-tokens'],
    prefixCaching,
    asyncScheduling: !values['no-async-scheduling'],
    numSpeculativeTokens: values['speculative-num-tokens'],
  };
  const engine = await whileLoading(showProgress(), (onProgress) => createEngine(options, { onProgress }));
  try {
    const { results, table } = await measure(engine, values, vocabSize);
    return { json: { engine: engine.info, results }, lines: [...heading(engine), ...table] };
  } finally {
    await engine.close();
  }
}

const THROUGHPUT_HEADS = ['requests', 'tokens/s', 'ratio', 'TTFT ms', 'ITL ms', 'ITL p99'];

type MeteredThroughput = Throughput & { readonly steps: StepTimes };

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
    result.steps.scheduleMs.toFixed(2),
    result.steps.encodeMs.toFixed(2),
    result.steps.gpuMs?.toFixed(2) ?? '',
  ]);
  const heads = [...THROUGHPUT_HEADS, 'schedule ms', 'encode ms', 'GPU ms'];
  return { results, table: formatTable([heads, ...rows]) };
}

async function benchInterference(engine: Engine, values: BenchValues, vocabSize: number): Promise<Measured> {
  const lengths = { ...fixedLengths(values), vocabSize };
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

async function benchPrefix(engine: Engine, values: BenchValues, vocabSize: number): Promise<Measured> {
  const options = { sharedLen: values['long-input-len'], ownLen: fixedLengths(values).inputLen, vocabSize };
  const results: PrefixTimes[] = [];
  for (let round = 0; round <= values.repeats; round++)
    results.push(await measurePrefix(engine, options, round));
  const rows = results
    .slice(1)
    .map(({ uncachedTtftMs, cachedTtftMs, numCachedTokens }) => [
      uncachedTtftMs.toFixed(1),
      cachedTtftMs.toFixed(1),
      String(numCachedTokens),
    ]);
  return {
    results: results.slice(1),
    table: formatTable([['TTFT ms', 'cached prefix, ms', 'tokens cached'], ...rows]),
  };
}

/** Repeats are interleaved, so that a machine that slows down slows all numbers of requests alike. The first round warms up. */
async function measureAll(
  engine: Engine,
  values: BenchValues,
  vocabSize: number,
): Promise<MeteredThroughput[]> {
  const log = new StepLog(engine);
  const rounds: MeteredThroughput[][] = [];
  const lengths = { ...fixedLengths(values), vocabSize };
  for (let round = 0; round <= values.repeats; round++) {
    const results: MeteredThroughput[] = [];
    for (const concurrency of values.concurrency) {
      const throughput = await measureThroughput(engine, { ...lengths, concurrency });
      results.push({ ...throughput, steps: stepTimes(log.take()) });
    }
    rounds.push(results);
  }
  return values.concurrency.map((_, i) =>
    median(
      rounds.slice(1).map((results) => results[i]),
      ({ outputThroughput }) => outputThroughput,
    ),
  );
}

function heading({ info }: Engine): string[] {
  const { adapter, weightFormat, computeType, memory } = info;
  return [
    `${adapter.name}; ${adapter.driver}`,
    `weights ${weightFormat}, ${formatBytes(memory.weights)}; computing in ${computeType}`,
  ];
}

import { parseLine } from '../config.js';
import { UserError } from '../errors.js';
import { benchEngine, INTERFERENCE, PREFIX, THROUGHPUT } from './bench-engine.js';
import { benchKernels } from './bench-kernels.js';
import { benchLoad } from './bench-load.js';
import { benchOffline } from './bench-offline.js';
import type { BenchReport, BenchValues } from './bench-report.js';
import { BENCH_OPTIONS } from './options.js';

/** @param args what stands after the kind on the command line */
type Bench = (values: BenchValues, args: readonly string[]) => Promise<BenchReport>;

const KINDS: ReadonlyMap<string, Bench> = new Map([
  ['throughput', (values, models) => benchEngine(THROUGHPUT, values, models)],
  ['interference', (values, models) => benchEngine(INTERFERENCE, values, models)],
  ['prefix', (values, models) => benchEngine(PREFIX, values, models)],
  ['offline', benchOffline],
  ['kernels', benchKernels],
  ['load', benchLoad],
]);

/** Commands of two words, whose options go after both. */
const OF_THEIR_OWN = ['serve', 'sweep', 'compare'];

/** Measures and prints a table, or one JSON object. Resolves with the exit code. */
export async function runBench(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseLine(args, BENCH_OPTIONS);
  const [kind = '', ...rest] = positionals;
  const bench = KINDS.get(kind);
  if (OF_THEIR_OWN.includes(kind)) throw new UserError(`bench ${kind}: options go after both words`);
  if (bench === undefined) {
    throw new UserError(`bench: measures ${listed([...KINDS.keys()])}, not ${JSON.stringify(kind)}`);
  }
  const { json, lines } = await bench(values, rest);
  process.stdout.write(`${values.json ? JSON.stringify(json) : lines.join('\n')}\n`);
  return 0;
}

function listed(names: readonly string[]): string {
  return `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}

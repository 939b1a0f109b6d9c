import { type OptionName, parseLine } from '../config.js';
import { UserError } from '../errors.js';
import {
  BENCH_COMPARE_OPTIONS,
  BENCH_OPTIONS,
  BENCH_SERVE_OPTIONS,
  BENCH_SWEEP_OPTIONS,
  COMPARE_OPTIONS,
  DOCTOR_OPTIONS,
  EVAL_OPTIONS,
  GENERATE_OPTIONS,
  INSPECT_OPTIONS,
  PULL_OPTIONS,
  QUANTIZE_OPTIONS,
  SERVE_OPTIONS,
} from './options.js';

export interface Command {
  /** One word, or two. */
  readonly name: string;
  /** Arguments after the name, for the help. */
  readonly usage: string;
  readonly summary: string;
  readonly options: readonly OptionName[];
  /** Resolves with the exit code. Throws UserError or CheckpointError for the user's mistakes. */
  readonly run: (args: readonly string[]) => Promise<number>;
}

/** Each command's code is loaded when it runs: help and mistakes answer at once. */
export const COMMANDS: readonly Command[] = [
  {
    name: 'serve',
    usage: '[MODEL]',
    summary:
      'Serve a model, a folder or a hub’s org/name, over an OpenAI-style API; without MODEL the bundled one.',
    options: SERVE_OPTIONS,
    run: async (args) => (await import('./serve.js')).runServe(args),
  },
  {
    name: 'generate',
    usage: '[MODEL] --prompt TEXT | --prompt-token-ids 1,2,3',
    summary: 'Generate text once, without a server.',
    options: GENERATE_OPTIONS,
    run: async (args) => (await import('./generate.js')).runGenerate(args),
  },
  {
    name: 'eval',
    usage: '[MODEL] --text FILE [--against MODEL] | --task FILE',
    summary:
      'Measure a model’s perplexity on a text, how far its predictions are from another’s, or its answers to questions.',
    options: EVAL_OPTIONS,
    run: async (args) => (await import('./eval.js')).runEval(args),
  },
  {
    name: 'quantize',
    usage: 'MODEL OUT',
    summary: 'Make a quantized checkpoint of a model of floats, for halflight, vLLM and transformers.',
    options: QUANTIZE_OPTIONS,
    run: async (args) => (await import('./quantize.js')).runQuantize(args),
  },
  {
    name: 'compare',
    usage: '[MODEL] [--text FILE]',
    summary: 'Compare a model in several formats: bytes, perplexity, divergence and speed, side by side.',
    options: COMPARE_OPTIONS,
    run: async (args) => (await import('./compare.js')).runCompare(args),
  },
  {
    name: 'inspect',
    usage: '[MODEL]',
    summary: 'Show a model’s architecture, tensors, formats and the memory that it takes.',
    options: INSPECT_OPTIONS,
    run: async (args) => (await import('./inspect.js')).runInspect(args),
  },
  {
    name: 'bench',
    usage: 'throughput|interference|prefix|offline|load [MODEL] | offline --random-weights SHAPE | kernels',
    summary:
      'Measure the engine without HTTP: tokens per second, what a long prompt does to streams, whole models of any shape, loading, single kernels.',
    options: BENCH_OPTIONS,
    run: async (args) => (await import('./bench.js')).runBench(args),
  },
  {
    name: 'bench serve',
    usage: '[--base-url URL] [--goodput ttft:500 tpot:50]',
    summary: 'Load any OpenAI-style server with requests, and measure throughput, latency and goodput.',
    options: BENCH_SERVE_OPTIONS,
    run: async (args) => (await import('./bench-serve.js')).runBenchServe(args),
  },
  {
    name: 'bench sweep',
    usage: '[--base-url URL] [--request-rates 1,2,4]',
    summary: 'Load a server more and more until more gains nothing, and mark the knee.',
    options: BENCH_SWEEP_OPTIONS,
    run: async (args) => (await import('./bench-sweep.js')).runBenchSweep(args),
  },
  {
    name: 'bench compare',
    usage: '[MODEL] [--variants fp16,int8,int4]',
    summary:
      'Serve a model in several formats in turn: throughput, latency, memory and quality in one report.',
    options: BENCH_COMPARE_OPTIONS,
    run: async (args) => (await import('./bench-compare.js')).runBenchCompare(args),
  },
  {
    name: 'pull',
    usage: 'org/name[@revision][:QUANTIZATION]',
    summary: 'Fetch a model from the Hugging Face hub into its cache, and print where it is.',
    options: PULL_OPTIONS,
    run: async (args) => (await import('./pull.js')).runPull(args),
  },
  {
    name: 'doctor',
    usage: '',
    summary: 'Show the GPUs, drivers and limits of this machine, and how to mend what is missing.',
    options: DOCTOR_OPTIONS,
    run: async (args) => {
      const { positionals } = parseLine(args, DOCTOR_OPTIONS);
      if (positionals.length > 0) throw new UserError(`doctor: takes no argument, but got ${positionals[0]}`);
      const { runDoctor } = await import('./doctor.js');
      return runDoctor((line) => process.stdout.write(`${line}\n`));
    },
  },
];

/** The command that a command line begins with, and what follows; null where there is none. */
export function findCommand(
  commands: readonly Command[],
  [first = '', ...rest]: readonly string[],
): { readonly command: Command; readonly args: readonly string[] } | null {
  const longer = commands.find(({ name }) => name === `${first} ${rest[0]}`);
  if (longer !== undefined) return { command: longer, args: rest.slice(1) };
  const command = commands.find(({ name }) => name === first);
  return command === undefined ? null : { command, args: rest };
}

import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compareTurns, type Turn, takeTurns } from '../bench/compare/compare.js';
import { factsOf } from '../bench/compare/memory.js';
import { ServerProcess } from '../bench/compare/server-process.js';
import { type Goodput, isGoodputLimit, parseGoodput } from '../bench/serve/goodput.js';
import type { Measurement } from '../bench/serve/measure.js';
import { randomPrompts } from '../bench/serve/prompts.js';
import { Draws } from '../bench/serve/random.js';
import { readMetrics } from '../bench/serve/server-metrics.js';
import type { LoadPlan, Target } from '../bench/serve/types.js';
import { countFor } from '../bench/sweep/sweep.js';
import { checkModelDirectory } from '../checkpoint/directory.js';
import { OPTIONS, parseLine, type Values } from '../config.js';
import type { EngineOptions } from '../engine/options.js';
import { UserError } from '../errors.js';
import { parseModelConfig } from '../model/config-parse.js';
import {
  type CompareReport,
  comparisonCsv,
  comparisonJson,
  comparisonLines,
  comparisonReport,
} from './compare-report.js';
import type { CutText } from './evaluation.js';
import { checkOutputs, saveReport, saveText } from './load-output.js';
import { measureShown } from './load-run.js';
import { BUNDLED_MODEL, engineOptions, findModel, fixedLengths, modelName } from './model-options.js';
import { BENCH_COMPARE_OPTIONS, HUB_OPTIONS, MODEL_OPTIONS } from './options.js';
import { cutModels, measureQuality, parseSchemes, type Scheme } from './schemes.js';

type CompareValues = Values<(typeof BENCH_COMPARE_OPTIONS)[number]>;

const CLI = join(dirname(fileURLToPath(import.meta.url)), '..', 'cli.js');
/** Held-out stories of the bundled model: of another model they tell how far formats are apart, hardly how good it is. */
const DEFAULT_TEXT = join(BUNDLED_MODEL, 'valid_stories.txt');
const REQUEST_TIMEOUT_MS = 600_000;
/** Random tokens stay below it, and below the model's own. */
const MAX_RANDOM_TOKEN = 1000;

/** Serves a model in several formats in turn and prints what each costs and gives. Resolves with the exit code. */
export async function runBenchCompare(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseLine(args, BENCH_COMPARE_OPTIONS);
  const limits = positionals.filter(isGoodputLimit);
  const goodput = parseGoodput([...values.goodput, ...limits], '--goodput');
  const dir = await findModel(
    positionals.filter((word) => !limits.includes(word)),
    values,
  );
  const options = engineOptions(dir, { ...values, quantization: null });
  const variants = parseSchemes('--variants', values.variants, options);
  for (const variant of variants) await checkModelDirectory(variant.options.modelDir);
  checkLoads(values);
  await checkOutputs({ '--csv': values.csv, '--html': values.html });
  const cut = await qualityText(options, variants, values);
  const report = await compare(options, variants, cut, values, goodput);
  if (values.csv !== null) await saveText('--csv', values.csv, comparisonCsv(report));
  if (values.html !== null) await saveReport(values.html, comparisonReport(report));
  const text = values.json ? JSON.stringify(comparisonJson(report)) : comparisonLines(report).join('\n');
  process.stdout.write(`${text}\n`);
  return 0;
}

function checkLoads({ concurrency }: CompareValues): void {
  if (concurrency.every((load, i) => i === 0 || load > concurrency[i - 1])) return;
  throw new UserError(`--concurrency: ${concurrency.join(',')} does not rise; write the smallest first`);
}

/** The text that quality is measured on, no more of it than was asked for. Throws UserError. */
async function qualityText(
  options: EngineOptions,
  variants: readonly Scheme[],
  values: CompareValues,
): Promise<CutText> {
  const cut = await cutModels(options, variants, values.text ?? DEFAULT_TEXT, values, '--variants');
  return { ...cut, windows: cut.windows.slice(0, values['quality-windows']) };
}

async function compare(
  options: EngineOptions,
  variants: readonly Scheme[],
  cut: CutText,
  values: CompareValues,
  goodput: Goodput | null,
): Promise<CompareReport> {
  const { concurrency, repeats } = values;
  const { vocabSize } = await parseModelConfig(options.modelDir);
  const turns = await takeTurns(variants, repeats, (variant, repeat) => {
    const label = `${variant.scheme}, ${repeat + 1} of ${repeats}`;
    return takeTurn(variant, label, Math.min(MAX_RANDOM_TOKEN, vocabSize), values, goodput);
  });
  return {
    model: modelName(options.modelDir),
    date: new Date().toISOString(),
    ...fixedLengths(values),
    repeats,
    seed: values.seed,
    text: {
      file: values.text ?? 'valid_stories.txt of Fable',
      protocol: cut.protocol,
      window: cut.window,
      numWindows: cut.windows.length,
    },
    variants: compareTurns(
      variants.map(({ scheme }) => scheme),
      concurrency,
      turns,
    ),
    qualities: await measureQuality(options, variants, cut),
  };
}

/** One server, started for it alone: each variant has the device to itself. */
async function takeTurn(
  { options }: Scheme,
  label: string,
  vocabSize: number,
  values: CompareValues,
  goodput: Goodput | null,
): Promise<Turn> {
  process.stderr.write(`${label}: starting a server\n`);
  const server = await ServerProcess.start(CLI, serverArguments(options, values));
  try {
    const measurements: Measurement[] = [];
    for (const load of values.concurrency) {
      const plan = planFor(server.url, load, vocabSize, values);
      measurements.push(
        await measureShown(`${label}, ${load} at once: `, plan, { goodput, watchServer: false }),
      );
    }
    return { facts: factsOf(await readMetrics(server.url, null)), measurements };
  } finally {
    await server.stop();
  }
}

/** The same prompts for each variant and repeat, but others for each number at once, so that no cache knows them. */
function planFor(baseUrl: string, load: number, vocabSize: number, values: CompareValues): LoadPlan {
  const count = countFor(load, values['num-rounds']);
  const lengths = { inputLen: values['input-len'], outputLen: values['output-len'] };
  // One more, which warms up.
  const prompts = randomPrompts(
    { ...lengths, count: count + 1, vocabSize, takesTokens: true },
    new Draws(values.seed + load),
  );
  const target: Target = {
    baseUrl,
    backend: 'openai',
    model: 'model',
    apiKey: null,
    ignoreEos: true,
    temperature: 0,
    timeoutMs: REQUEST_TIMEOUT_MS,
  };
  return {
    target,
    requests: prompts.slice(1),
    warmups: prompts.slice(0, 1),
    arrivalsMs: prompts.slice(1).map(() => 0),
    maxConcurrency: load,
  };
}

/** What the command line says of the model, said to a server. */
function serverArguments({ modelDir, quantization }: EngineOptions, values: CompareValues): string[] {
  const passed = MODEL_OPTIONS.filter((name) => name !== 'quantization' && !isOfHub(name)).flatMap((name) => {
    const value = (values as Partial<Record<string, unknown>>)[name];
    if (value === OPTIONS[name].default || value === null) return [];
    return value === true ? [`--${name}`] : [`--${name}=${String(value)}`];
  });
  return [
    modelDir,
    '--served-model-name=model',
    '--log-level=error',
    `--max-num-seqs=${Math.max(...values.concurrency)}`,
    ...(quantization === null ? [] : [`--quantization=${quantization}`]),
    ...passed,
  ];
}

function isOfHub(name: string): boolean {
  return HUB_OPTIONS.some((option) => option === name);
}

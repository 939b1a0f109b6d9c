import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { measureSpeed, type Speed } from '../bench/speed.js';
import { type Divergence, measureDivergence } from '../calibrate/divergence.js';
import { measurePerplexity, type Perplexity } from '../calibrate/perplexity.js';
import { numScored } from '../calibrate/windows.js';
import { checkModelDirectory } from '../checkpoint/directory.js';
import { parseLine, type Values } from '../config.js';
import type { EngineOptions } from '../engine/options.js';
import { UserError } from '../errors.js';
import { QUANTIZATION_NAMES } from '../quant/formats.js';
import { comparisonPage } from './compare-page.js';
import { type Comparison, columnsOf, notesOf, type SchemeRow, schemeName } from './comparison.js';
import {
  type CutText,
  checkSameTokens,
  cutFor,
  forWindows,
  positionsOf,
  Reference,
  readText,
  windowProgress,
} from './evaluation.js';
import { checkWritable, fileProblem } from './files.js';
import { formatTable } from './format.js';
import { engineOptions, findModel, modelDirectory, modelName } from './model-options.js';
import { COMPARE_OPTIONS } from './options.js';
import { showProgress, whileLoading } from './progress.js';

type CompareValues = Values<(typeof COMPARE_OPTIONS)[number]>;

/** A name on the command line, and what is loaded for it. */
interface Scheme {
  readonly scheme: string;
  readonly options: EngineOptions;
}

type Quality = Pick<SchemeRow, 'perplexity' | 'divergence'>;

/** Prints what a model costs and gives in several formats, and writes it as a page. Resolves with the exit code. */
export async function runCompare(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseLine(args, COMPARE_OPTIONS);
  const dir = await findModel(positionals, values);
  const options = engineOptions(dir, { ...values, quantization: null });
  const schemes = parseSchemes(values.schemes, options);
  if (values.html !== null) await checkWritable('--html', values.html);
  const comparison = await compareSchemes(options, schemes, values);
  if (values.html !== null) await writePage(values.html, comparison);
  process.stdout.write(`${values.json ? JSON.stringify(comparison) : table(comparison).join('\n')}\n`);
  return 0;
}

/** Throws UserError for a name that is unknown or comes twice. */
function parseSchemes(names: readonly string[], options: EngineOptions): readonly Scheme[] {
  const schemes = names.map((name) => parseScheme(name, options));
  const twice = schemes.find(({ scheme }, i) => schemes.findIndex((other) => other.scheme === scheme) < i);
  if (twice === undefined) return schemes;
  throw new UserError(`--schemes: ${twice.scheme} is named twice`);
}

/** `full` is the model as it is stored, which `fp16` is taken for too; a path is another model, such as one that was quantized before. */
function parseScheme(name: string, options: EngineOptions): Scheme {
  if (name === 'full' || name === 'fp16') return { scheme: 'full', options };
  if (QUANTIZATION_NAMES.includes(name)) return { scheme: name, options: { ...options, quantization: name } };
  if (existsSync(name)) return { scheme: name, options: { ...options, modelDir: modelDirectory([name]) } };
  throw new UserError(
    `--schemes: ${JSON.stringify(name)} is no model, and none of full, ${QUANTIZATION_NAMES.join(', ')}`,
  );
}

/** Speed is measured first, while no other model is on the device. */
async function compareSchemes(
  options: EngineOptions,
  schemes: readonly Scheme[],
  values: CompareValues,
): Promise<Comparison> {
  const { text: file, 'input-len': inputLen, 'output-len': outputLen, repeats } = values;
  for (const { modelDir } of [options, ...schemes.map((scheme) => scheme.options)])
    await checkModelDirectory(modelDir);
  const cut = file === null ? null : await cutModels(options, schemes, file, values);
  const lengths = { inputLen, outputLen, repeats };
  const speeds: Speed[] = [];
  for (const { options } of schemes) {
    speeds.push(
      await whileLoading(showProgress(), (onProgress) => measureSpeed(options, lengths, onProgress)),
    );
  }
  const qualities = cut === null ? null : await measureQuality(options, schemes, cut);
  return {
    model: modelName(options.modelDir),
    adapter: speeds[0].info.adapter.name,
    date: new Date().toISOString(),
    text: cut === null || file === null ? null : textOf(file, cut),
    ...lengths,
    rows: schemes.map(({ scheme }, i) => ({
      scheme,
      ...speedOf(speeds[i]),
      ...(qualities?.[i] ?? { perplexity: null, divergence: null }),
    })),
  };
}

/** The text as the model reads it. Throws UserError where another scheme reads it otherwise, or is too short for it. */
async function cutModels(
  { modelDir }: EngineOptions,
  schemes: readonly Scheme[],
  file: string,
  values: CompareValues,
): Promise<CutText> {
  const settings = await readText(file, values);
  const cutOne = async (dir: string) => cutFor(dir, settings, await positionsOf(dir, values));
  const cut = await cutOne(modelDir);
  for (const { scheme, options } of schemes.filter(({ options }) => options.modelDir !== modelDir))
    checkSameTokens(cut, await cutOne(options.modelDir), `--schemes: ${scheme}`);
  return cut;
}

function textOf(file: string, { protocol, window, windows }: CutText): Comparison['text'] {
  return { file, protocol, window, numScored: numScored(windows) };
}

function speedOf({ prefillThroughput, decodeThroughput, info }: Speed) {
  const { weightFormat, memory } = info;
  return { weightFormat, weightBytes: memory.weights, prefillThroughput, decodeThroughput };
}

/** The model as it is stored is loaded once; each scheme beside it. */
async function measureQuality(
  options: EngineOptions,
  schemes: readonly Scheme[],
  { windows }: CutText,
): Promise<readonly Quality[]> {
  const display = showProgress();
  const onWindow = windowProgress(display);
  const reference = await Reference.load(forWindows(options, windows), windows, display);
  try {
    const divergences: (Divergence | null)[] = [];
    for (const scheme of schemes) {
      const measure = () =>
        reference.with(forWindows(scheme.options, windows), (source) =>
          measureDivergence(source, reference.source, windows, onWindow),
        );
      divergences.push(scheme.options === options ? null : await measure());
    }
    const known = divergences.find((divergence) => divergence !== null)?.reference;
    const full = known ?? (await measurePerplexity(reference.source, windows, onWindow));
    return divergences.map((divergence) => qualityOf(divergence, full));
  } finally {
    display.stop();
    await reference.close();
  }
}

function qualityOf(divergence: Divergence | null, full: Perplexity): Quality {
  return { perplexity: divergence?.model ?? full, divergence };
}

function table(comparison: Comparison): readonly string[] {
  const columns = columnsOf(comparison);
  const rows = comparison.rows.map((row) => [schemeName(row), ...columns.map(({ write }) => write(row))]);
  return [
    comparison.model,
    ...formatTable([['scheme', ...columns.map(({ head }) => head)], ...rows]),
    ...notesOf(comparison),
  ];
}

async function writePage(file: string, comparison: Comparison): Promise<void> {
  try {
    await writeFile(file, comparisonPage(comparison));
  } catch (error) {
    throw fileProblem('--html', file, error);
  }
}

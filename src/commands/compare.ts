import { measureSpeed, type Speed } from '../bench/speed.js';
import { numScored } from '../calibrate/windows.js';
import { checkModelDirectory } from '../checkpoint/directory.js';
import { parseLine, type Values } from '../config.js';
import type { EngineOptions } from '../engine/options.js';
import { comparisonPage } from './compare-page.js';
import { type Comparison, columnsOf, notesOf, schemeName } from './comparison.js';
import type { CutText } from './evaluation.js';
import { checkWritable } from './files.js';
import { formatTable } from './format.js';
import { saveText } from './load-output.js';
import { engineOptions, findModel, fixedLengths, modelName } from './model-options.js';
import { COMPARE_OPTIONS } from './options.js';
import { showProgress, whileLoading } from './progress.js';
import { cutModels, measureQuality, parseSchemes, type Scheme } from './schemes.js';

type CompareValues = Values<(typeof COMPARE_OPTIONS)[number]>;

/** Prints what a model costs and gives in several formats, and writes it as a page. Resolves with the exit code. */
export async function runCompare(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseLine(args, COMPARE_OPTIONS);
  const dir = await findModel(positionals, values);
  const options = engineOptions(dir, { ...values, quantization: null });
  const schemes = parseSchemes('--schemes', values.schemes, options);
  if (values.html !== null) await checkWritable('--html', values.html);
  const comparison = await compareSchemes(options, schemes, values);
  if (values.html !== null) await saveText('--html', values.html, comparisonPage(comparison));
  process.stdout.write(`${values.json ? JSON.stringify(comparison) : table(comparison).join('\n')}\n`);
  return 0;
}

/** Speed is measured first, while no other model is on the device. */
async function compareSchemes(
  options: EngineOptions,
  schemes: readonly Scheme[],
  values: CompareValues,
): Promise<Comparison> {
  const { text: file, repeats } = values;
  for (const { modelDir } of [options, ...schemes.map((scheme) => scheme.options)])
    await checkModelDirectory(modelDir);
  const cut = file === null ? null : await cutModels(options, schemes, file, values, '--schemes');
  const lengths = { ...fixedLengths(values), repeats };
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

function textOf(file: string, { protocol, window, windows }: CutText): Comparison['text'] {
  return { file, protocol, window, numScored: numScored(windows) };
}

function speedOf({ prefillThroughput, decodeThroughput, info }: Speed) {
  const { weightFormat, memory } = info;
  return { weightFormat, weightBytes: memory.weights, prefillThroughput, decodeThroughput };
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

import { existsSync } from 'node:fs';
import { type Divergence, measureDivergence } from '../calibrate/divergence.js';
import { measurePerplexity, type Perplexity } from '../calibrate/perplexity.js';
import type { Values } from '../config.js';
import type { EngineOptions } from '../engine/options.js';
import { UserError } from '../errors.js';
import { QUANTIZATION_NAMES } from '../quant/formats.js';
import type { SchemeRow } from './comparison.js';
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
import { modelDirectory } from './model-options.js';
import { showProgress } from './progress.js';

/** A name on the command line, and what is loaded for it. */
export interface Scheme {
  readonly scheme: string;
  readonly options: EngineOptions;
}

export type Quality = Pick<SchemeRow, 'perplexity' | 'divergence'>;

/** Throws UserError for a name that is unknown or comes twice. */
export function parseSchemes(
  flag: string,
  names: readonly string[],
  options: EngineOptions,
): readonly Scheme[] {
  const schemes = names.map((name) => parseScheme(flag, name, options));
  const twice = schemes.find(({ scheme }, i) => schemes.findIndex((other) => other.scheme === scheme) < i);
  if (twice === undefined) return schemes;
  throw new UserError(`${flag}: ${twice.scheme} is named twice`);
}

/** `full` is the model as it is stored, which `fp16` is taken for too; a path is another model, such as one that was quantized before. */
function parseScheme(flag: string, name: string, options: EngineOptions): Scheme {
  if (name === 'full' || name === 'fp16') return { scheme: 'full', options };
  if (QUANTIZATION_NAMES.includes(name)) return { scheme: name, options: { ...options, quantization: name } };
  if (existsSync(name)) return { scheme: name, options: { ...options, modelDir: modelDirectory([name]) } };
  throw new UserError(
    `${flag}: ${JSON.stringify(name)} is no model, and none of full, ${QUANTIZATION_NAMES.join(', ')}`,
  );
}

/** The text as the model reads it. Throws UserError where another scheme reads it otherwise, or is too short for it. */
export async function cutModels(
  { modelDir }: EngineOptions,
  schemes: readonly Scheme[],
  file: string,
  values: Values<'protocol' | 'window' | 'stride' | 'max-model-len'>,
  flag: string,
): Promise<CutText> {
  const settings = await readText(file, values);
  const cutOne = async (dir: string) => cutFor(dir, settings, await positionsOf(dir, values));
  const cut = await cutOne(modelDir);
  for (const { scheme, options } of schemes.filter(({ options }) => options.modelDir !== modelDir))
    checkSameTokens(cut, await cutOne(options.modelDir), `${flag}: ${scheme}`);
  return cut;
}

/** The model as it is stored is loaded once; each scheme beside it. */
export async function measureQuality(
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

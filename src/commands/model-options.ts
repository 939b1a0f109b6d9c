import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GGUF_FILE } from '../calibrate/job/outputs.js';
import { isGguf } from '../checkpoint/gguf/header.js';
import { ggufName } from '../checkpoint/gguf/parts.js';
import type { Values } from '../config.js';
import { ENGINE_DEFAULTS, type EngineOptions } from '../engine/options.js';
import { UserError } from '../errors.js';
import { repositoryOf } from '../hub/cache.js';
import { parseRepository } from '../hub/names.js';
import { fixedLength } from '../option-kinds.js';
import { parseQuantization, QUANTIZATION_NAMES } from '../quant/formats.js';
import type { WeightFormat } from '../quant/weight.js';
import type { HUB_OPTIONS, MODEL_OPTIONS } from './options.js';
import { pullModel } from './pull.js';

/** The model that comes with the package. */
export const BUNDLED_MODEL = fileURLToPath(new URL('../../models/fable', import.meta.url));

/** The model directory or GGUF file that a command names, or the bundled model. Throws UserError where it names several, or none that exists. */
export function modelDirectory(positionals: readonly string[]): string {
  if (positionals.length > 1) {
    throw new UserError(`MODEL: one at a time, but got ${positionals.join(' ')}`);
  }
  const given = positionals[0] ?? BUNDLED_MODEL;
  const problem = modelProblem(given);
  if (problem === null) return ggufWithin(resolve(given)) ?? resolve(given);
  throw new UserError(
    `MODEL: ${given}: ${problem}; name a folder with config.json, tokenizer.json and *.safetensors, or a .gguf file`,
  );
}

/** The only GGUF file, or the first part of one, of a folder that is no model itself, as `halflight quantize` writes them; null where it is otherwise. */
function ggufWithin(path: string): string | null {
  if (isGguf(path)) return null;
  const names = readdirSync(path);
  const found = names.filter((name) => isGguf(name) && !/-(?!00001)\d{5}-of-\d{5}\.gguf$/i.test(name));
  return found.length === 1 && !names.includes('config.json') ? join(path, found[0]) : null;
}

/**
 * The model that a command names: a path that exists, else a repository of the hub, of which what the cache lacks is fetched.
 * Throws UserError.
 */
export async function findModel(
  positionals: readonly string[],
  values: Values<(typeof HUB_OPTIONS)[number]>,
): Promise<string> {
  const [given = BUNDLED_MODEL, ...others] = positionals;
  const repository = others.length > 0 || existsSync(given) ? null : parseRepository(given);
  if (repository !== null) return pullModel(repository, values);
  const path = modelDirectory(positionals);
  if (values['gguf-file'] === null) return path;
  throw new UserError(`--gguf-file: picks a file of a repository, but MODEL is the folder ${path}`);
}

function modelProblem(path: string): string | null {
  try {
    const stats = statSync(path);
    return stats.isDirectory() || (stats.isFile() && isGguf(path)) ? null : 'not a directory';
  } catch {
    return 'no such directory';
  }
}

/** The name of a model in the API unless told otherwise: its repository's where it is in the hub's cache, else that of its folder or GGUF file. */
export function modelName(dir: string): string {
  if (basename(dir) === GGUF_FILE) return basename(dirname(dir));
  return repositoryOf(dir) ?? (isGguf(dir) ? ggufName(dir) : basename(dir));
}

/** The format that `--quantization` names; null where it is not given. Throws UserError. */
export function quantizationFormat(name: string | null): WeightFormat | null {
  if (name === null) return null;
  if (QUANTIZATION_NAMES.includes(name)) return parseQuantization(name);
  throw new UserError(`--quantization: ${JSON.stringify(name)} is none of ${QUANTIZATION_NAMES.join(', ')}`);
}

/** Throws UserError for a quantization that is not known. */
export function engineOptions(dir: string, values: Values<(typeof MODEL_OPTIONS)[number]>): EngineOptions {
  quantizationFormat(values.quantization);
  return {
    ...ENGINE_DEFAULTS,
    modelDir: dir,
    quantization: values.quantization,
    outlierThreshold: values['outlier-threshold'],
    computeType: values.dtype,
    maxModelLen: values['max-model-len'],
    kvCacheMemoryBytes: values['kv-cache-memory'],
    gpuMemoryUtilization: values['gpu-memory-utilization'],
    gpuMemoryLimitBytes: values['gpu-memory-limit'],
    offloadLayers: values['offload-layers'],
    kvCacheDtype: values['kv-cache-dtype'],
    batchInvariant: values['batch-invariant'],
    device: values.device,
    requireGpu: values['require-gpu'],
    autotune: !values['no-autotune'],
  };
}

/** Tokens of each prompt and answer. Throws UserError where they vary. */
export function fixedLengths(values: Values<'input-len' | 'output-len'>): {
  readonly inputLen: number;
  readonly outputLen: number;
} {
  return {
    inputLen: fixedLength(values['input-len'], '--input-len'),
    outputLen: fixedLength(values['output-len'], '--output-len'),
  };
}

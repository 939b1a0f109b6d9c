import { existsSync, statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isGguf } from '../checkpoint/gguf/header.js';
import { ggufName } from '../checkpoint/gguf/parts.js';
import type { Values } from '../config.js';
import { ENGINE_DEFAULTS, type EngineOptions } from '../engine/options.js';
import { UserError } from '../errors.js';
import { repositoryOf } from '../hub/cache.js';
import { parseRepository } from '../hub/names.js';
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
  if (problem === null) return resolve(given);
  throw new UserError(
    `MODEL: ${given}: ${problem}; name a folder with config.json, tokenizer.json and *.safetensors, or a .gguf file`,
  );
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
    computeType: values.dtype,
    maxModelLen: values['max-model-len'],
    kvCacheMemoryBytes: values['kv-cache-memory'],
    gpuMemoryUtilization: values['gpu-memory-utilization'],
    gpuMemoryLimitBytes: values['gpu-memory-limit'],
    offloadLayers: values['offload-layers'],
    kvCacheDtype: values['kv-cache-dtype'],
    batchInvariant: values['batch-invariant'],
    device: values.device,
    autotune: !values['no-autotune'],
  };
}

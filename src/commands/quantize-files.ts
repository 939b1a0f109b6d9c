import { GGUF_SCHEME_NAMES, ggufScheme } from '../calibrate/job/gguf-schemes.js';
import { parseKeep } from '../calibrate/job/keep.js';
import { type MethodChoice, withTensorScale } from '../calibrate/job/methods.js';
import type { PlanOptions } from '../calibrate/job/plan.js';
import { parseScheme } from '../calibrate/job/schemes.js';
import { ggufTarget, safetensorsTarget, type Target } from '../calibrate/job/target.js';
import { FILE_FORMATS, usualFileFormat } from '../checkpoint/write/formats.js';
import type { Values } from '../config.js';
import { UserError } from '../errors.js';
import type { ModelConfig } from '../model/config.js';
import { modelName } from './model-options.js';
import type { QUANTIZE_OPTIONS } from './options.js';
import { parseSize, sizeText } from './quantize-target.js';

export type QuantizeValues = Values<(typeof QUANTIZE_OPTIONS)[number]>;

const MAX_SHARD_BYTES = 5e9;

/** The files that are written, and what they are called in reports. */
export interface Written {
  readonly target: Target;
  /** null for GGUF. */
  readonly planOptions: PlanOptions | null;
  readonly withTables: boolean;
  readonly scheme: string;
  readonly format: string;
}

/** The files that are asked for. Throws UserError that names the option where scheme, format and method do not go together. */
export function filesFor(
  dir: string,
  config: ModelConfig,
  choice: MethodChoice,
  values: QuantizeValues,
): Written {
  const name = values.scheme ?? (parseSize(values) === null ? 'int4' : 'int4-channel');
  const isMixture = values.format === 'auto' && ggufScheme(name) !== null;
  return values.format === 'gguf' || isMixture
    ? ggufFile(name, dir, config, choice, values)
    : safetensorsFiles(name, config, choice, values);
}

function ggufFile(
  name: string,
  dir: string,
  config: ModelConfig,
  choice: MethodChoice,
  values: QuantizeValues,
): Written {
  const scheme = ggufScheme(name);
  if (parseSize(values) !== null)
    throw new UserError('--format: gguf: its mixtures choose formats; see --scheme');
  if (values['quantize-embeddings'])
    throw new UserError('--quantize-embeddings: GGUF’s mixtures say what becomes of embeddings');
  if (scheme === null)
    throw new UserError(`--scheme: ${JSON.stringify(name)} is none of GGUF’s: ${GGUF_SCHEME_NAMES}`);
  if (values['max-shard-size'] !== null)
    throw new UserError('--max-shard-size: a GGUF file is written whole');
  if (choice.actOrder)
    throw new UserError(`--method: ${choice.name}: GGUF has no place for an order of columns`);
  const keep = values.keep.map(parseKeep);
  const target = ggufTarget({ dir, config, scheme, keep, choice, name: modelName(dir) });
  return { target, planOptions: null, withTables: false, scheme: scheme.name, format: 'gguf' };
}

function safetensorsFiles(
  name: string,
  config: ModelConfig,
  choice: MethodChoice,
  values: QuantizeValues,
): Written {
  const size = parseSize(values);
  const scheme = parseScheme(name);
  const file = FILE_FORMATS.get(values.format) ?? usualFileFormat(scheme.format);
  if (size !== null && !file.mixesGroups)
    throw new UserError(
      `--format: ${file.name} holds one format for all matrices; take another for a target`,
    );
  if (scheme.tensorScale === true && file.holdsTensorScales !== true)
    throw new UserError(`--format: ${file.name} has no place for one scale of a matrix`);
  const { method } = scheme.tensorScale === true ? withTensorScale(choice) : choice;
  const maxShardBytes = values['max-shard-size'] ?? MAX_SHARD_BYTES;
  const keep = values.keep.map(parseKeep);
  const withTables = values['quantize-embeddings'];
  const planOptions = { scheme, file, keep, maxShardBytes, actOrder: choice.actOrder, withTables };
  return {
    target: safetensorsTarget(config, planOptions, method),
    planOptions,
    withTables,
    scheme: size === null ? scheme.name : sizeText(size),
    format: file.name,
  };
}

import { join } from 'node:path';
import { CheckpointError } from '../../errors.js';
import { dequantize } from '../../quant/formats.js';
import { sliceRows } from '../../quant/rows.js';
import type { PackedWeight } from '../../quant/weight.js';
import { type Checkpoint, openCheckpoint, type RowRange, type TensorInfo } from '../checkpoint.js';
import { describe, Fields } from '../fields.js';
import { JSON_LIMITS, readJsonIfAny } from '../json.js';
import { findAwq } from './awq.js';
import { findBitsandbytes } from './bitsandbytes.js';
import { findCompressed } from './compressed-tensors.js';
import { findFp8 } from './fp8.js';
import { findGptq } from './gptq.js';
import type { FindMatrices, QuantizedMatrix } from './matrix.js';
import { findMxfp4 } from './mxfp4-experts.js';

/** By `quant_method`: a new format is a file and a line here. */
const METHODS: ReadonlyMap<string, FindMatrices> = new Map([
  ['gptq', findGptq],
  ['awq', findAwq],
  ['compressed-tensors', findCompressed],
  ['bitsandbytes', findBitsandbytes],
  ['fp8', findFp8],
  ['fbgemm_fp8', findFp8],
  ['mxfp4', findMxfp4],
]);

/** Files that older writers put the configuration into, and the method where they do not name it. */
const OLD_FILES = [
  ['quantize_config.json', 'gptq'],
  ['quant_config.json', 'awq'],
] as const;
/**
 * Methods that put a linear module in the place of every matrix that they quantize, also of GPT-2's transposed ones: AutoGPTQ's and AutoAWQ's
 * packers turn it before, and so does transformers' `integrations/bitsandbytes.py`. The others leave a matrix as it lies.
 */
const BY_OUTPUTS: ReadonlySet<string> = new Set(['gptq', 'awq', 'bitsandbytes']);
const CONFIG_LIMITS = { ...JSON_LIMITS, maxBytes: 10 * 1024 * 1024 };

/** A checkpoint whose quantized matrices look like any other: `….weight` of shape `[N, K]`. */
export interface ModelCheckpoint extends Checkpoint {
  /** A matrix that is stored in codes, repacked without loss; null for a tensor of plain floats. */
  stored(name: string, rows?: RowRange): Promise<PackedWeight | null>;
}

/**
 * Opens the weights of a model directory, and what `quantization_config` of config.json (or a file of its own) says is quantized.
 * Rejects with CheckpointError for methods and keys that are not understood, and for tensors that contradict them.
 */
export async function openModelCheckpoint(dir: string): Promise<ModelCheckpoint> {
  const checkpoint = await openCheckpoint(dir);
  try {
    const found = await readConfig(dir);
    if (found === null) refuseFakeQuantized(checkpoint);
    const matrices = found === null ? [] : await found.find(checkpoint, found.config);
    return withMatrices(checkpoint, matrices, BY_OUTPUTS.has(found?.method ?? ''));
  } catch (error) {
    await checkpoint.close();
    throw error;
  }
}

/**
 * PyTorch's fake-quantized modules keep floats that are to be rounded by scales beside them, to a range that the file does not tell: read as
 * floats they would be another model than the one that was trained.
 */
function refuseFakeQuantized({ tensors }: Checkpoint): void {
  for (const { file, name } of tensors.values()) {
    if (!name.endsWith('.weight_fake_quant.scale')) continue;
    throw new CheckpointError(
      file,
      name,
      'floats before fake quantization are not read; export codes and scales, or rounded weights',
    );
  }
}

/** The matrices that a checkpoint holds by a `quantization_config`, in place of their tensors. Rejects with CheckpointError as `openModelCheckpoint` does. */
export async function withQuantization(checkpoint: Checkpoint, config: Fields): Promise<ModelCheckpoint> {
  const { method, find } = withMethod(config, null);
  return withMatrices(checkpoint, await find(checkpoint, config), BY_OUTPUTS.has(method));
}

interface FoundConfig {
  readonly config: Fields;
  readonly method: string;
  readonly find: FindMatrices;
}

/** config.json comes first. Resolves with null where nothing is quantized. */
async function readConfig(dir: string): Promise<FoundConfig | null> {
  const main = await readObject(join(dir, 'config.json'));
  if (main?.has('quantization_config')) return withMethod(main.child('quantization_config'), null);
  for (const [name, method] of OLD_FILES) {
    const config = await readObject(join(dir, name));
    if (config !== null) return withMethod(config, method);
  }
  return null;
}

async function readObject(file: string): Promise<Fields | null> {
  const json = await readJsonIfAny(file, CONFIG_LIMITS);
  return json === undefined ? null : Fields.from(json, file);
}

function withMethod(config: Fields, method: string | null): FoundConfig {
  const name = config.string('quant_method', method);
  const find = METHODS.get(name);
  if (find !== undefined) return { config, method: name, find };
  throw config.error(
    'quant_method',
    `${describe(name)} is not read; known: ${[...METHODS.keys()].join(', ')}`,
  );
}

/** The checkpoint with the matrices in place of the tensors that they are made of. */
function withMatrices(
  checkpoint: Checkpoint,
  matrices: readonly QuantizedMatrix[],
  byOutputs: boolean,
): ModelCheckpoint {
  const byName = new Map(matrices.map((matrix) => [nameOf(matrix), matrix]));
  return {
    ...checkpoint,
    tensors: logicalTensors(checkpoint, matrices, byOutputs),
    stored: async (name, rows) => {
      const matrix = byName.get(name);
      return matrix === undefined ? null : readRows(matrix, rows);
    },
    read: async (name, rows) => {
      const codes = byName.get(name)?.parts[0];
      if (codes === undefined) return checkpoint.read(name, rows);
      throw new CheckpointError(codes.file, name, 'held in codes, so it has no elements of its own');
    },
    readF32: async (name, rows) => {
      const matrix = byName.get(name);
      return matrix === undefined ? checkpoint.readF32(name, rows) : dequantize(await readRows(matrix, rows));
    },
  };
}

function nameOf({ module, tensor = `${module}.weight` }: QuantizedMatrix): string {
  return tensor;
}

async function readRows(matrix: QuantizedMatrix, rows?: RowRange): Promise<PackedWeight> {
  if (matrix.readsRanges === true || rows === undefined) return matrix.read(rows);
  return sliceRows(await matrix.read(), rows.start, rows.count);
}

function logicalTensors(
  checkpoint: Checkpoint,
  matrices: readonly QuantizedMatrix[],
  byOutputs: boolean,
): Map<string, TensorInfo> {
  const tensors = new Map(checkpoint.tensors);
  for (const { parts } of matrices) for (const { name } of parts) tensors.delete(name);
  for (const matrix of matrices) {
    const { shape, storedAs, format, columns, parts, readsRanges, rounding, outputStep } = matrix;
    const ordered = columns === undefined ? {} : { columns };
    const rounded = { ...(rounding && { rounding }), ...(outputStep && { outputStep }) };
    const name = nameOf(matrix);
    if (tensors.has(name)) throw new CheckpointError(parts[0].file, name, `stands beside ${parts[0].name}`);
    const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
    const info = { ...parts[0], name, shape, bytes, storedAs, format, readsRanges, ...ordered, ...rounded };
    tensors.set(name, byOutputs ? { ...info, byOutputs } : info);
  }
  return tensors;
}

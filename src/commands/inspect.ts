import { type Checkpoint, openCheckpoint } from '../checkpoint/checkpoint.js';
import { parseLine, type Values } from '../config.js';
import { BLOCK_SIZE } from '../engine/block-manager.js';
import { kvBytesPerToken } from '../engine/memory-plan.js';
import type { ModelConfig } from '../model/config.js';
import { parseModelConfig } from '../model/config-parse.js';
import { formatName } from '../quant/formats.js';
import { BLOCK_CODES, blocksPerRow, groupsPerRow, type WeightFormat } from '../quant/weight.js';
import { formatBytes, formatCount, formatTable } from './format.js';
import { modelDirectory, quantizationFormat } from './model-options.js';
import { INSPECT_OPTIONS } from './options.js';

interface FormatRow {
  readonly dtype: string;
  readonly tensors: number;
  readonly bytes: number;
}

interface Inspection {
  readonly model: string;
  readonly config: ModelConfig;
  readonly parameters: number;
  readonly formats: readonly FormatRow[];
  readonly memory: {
    readonly weightFormat: string;
    readonly weightBytes: number;
    readonly computeType: 'f32' | 'f16';
    readonly kvBytesPerToken: number;
  };
  readonly tensors: readonly TensorRow[];
}

interface TensorRow {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: number;
}

/** Prints what a model is and what it takes, without loading it. Needs no GPU. Resolves with the exit code. */
export async function runInspect(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseLine(args, INSPECT_OPTIONS);
  const inspection = await inspect(modelDirectory(positionals), values);
  const lines = values.json ? [JSON.stringify(inspection, null, 2)] : report(inspection);
  process.stdout.write(`${lines.join('\n')}\n`);
  return 0;
}

async function inspect(dir: string, values: Values<(typeof INSPECT_OPTIONS)[number]>): Promise<Inspection> {
  const config = await parseModelConfig(dir);
  const format = quantizationFormat(values.quantization);
  const computeType = values.dtype === 'float32' ? 'f32' : 'f16';
  const checkpoint = await openCheckpoint(dir);
  try {
    const formats = formatRows(checkpoint);
    return {
      model: dir,
      config,
      parameters: [...checkpoint.tensors.values()].reduce((sum, tensor) => sum + elements(tensor.shape), 0),
      formats,
      memory: {
        weightFormat: format === null ? formats.map(({ dtype }) => dtype).join(', ') : formatName(format),
        weightBytes: weightBytes(checkpoint, config, format),
        computeType,
        kvBytesPerToken: kvBytesPerToken(config, computeType),
      },
      tensors: [...checkpoint.tensors.values()].map(({ name, dtype, shape, bytes }) => ({
        name,
        dtype,
        shape,
        bytes,
      })),
    };
  } finally {
    await checkpoint.close();
  }
}

function formatRows({ tensors }: Checkpoint): FormatRow[] {
  const rows = new Map<string, FormatRow>();
  for (const { dtype, bytes } of tensors.values()) {
    const row = rows.get(dtype) ?? { dtype, tensors: 0, bytes: 0 };
    rows.set(dtype, { dtype, tensors: row.tensors + 1, bytes: row.bytes + bytes });
  }
  return [...rows.values()];
}

/**
 * Bytes on the device at the model's full context: matrices with rows padded to whole blocks, vectors and the rotation table in f32.
 * Only the layers' matrices are quantized.
 */
function weightBytes({ tensors }: Checkpoint, config: ModelConfig, format: WeightFormat | null): number {
  const kept = new Set([config.weights.embedding, config.weights.lmHead]);
  let total = 4 * config.maxPositionEmbeddings * config.rope.rotaryDim;
  for (const { name, shape, bytes } of tensors.values()) {
    const [rows, cols] = shape;
    if (shape.length !== 2) total += 4 * elements(shape);
    else if (format !== null && !kept.has(name)) total += quantizedBytes(format, rows, cols);
    else total += rows * blocksPerRow(cols) * BLOCK_CODES * (bytes / (rows * cols));
  }
  return total;
}

function quantizedBytes(format: WeightFormat, rows: number, cols: number): number {
  const groups = groupsPerRow(format, cols);
  const scaleBits = format.scaleType === 'f32' ? 32 : 16;
  const zeroBits = format.zeroPoints ? format.bits : 0;
  return rows * (4 * blocksPerRow(cols) * format.bits + (groups * (scaleBits + zeroBits)) / 8);
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function report({ model, config, parameters, formats, memory }: Inspection): string[] {
  const { numLayers, hiddenSize, intermediateSize, numHeads, numKvHeads, headDim } = config;
  const { computeType, kvBytesPerToken: kvBytes } = memory;
  return [
    `${model}`,
    `  architecture  ${config.architecture}, ${formatCount(parameters)} parameters`,
    `  shape         ${numLayers} layers, hidden ${hiddenSize}, FFN ${intermediateSize}, ${numHeads} heads of ${headDim}, ${numKvHeads} KV heads`,
    `  vocabulary    ${formatCount(config.vocabSize)}${config.tieWordEmbeddings ? ', embeddings tied' : ''}`,
    `  context       ${formatCount(config.maxPositionEmbeddings)} tokens${windows(config)}`,
    '',
    ...formatTable([
      ['  stored as', 'tensors', 'bytes'],
      ...formats.map((row) => [`  ${row.dtype}`, formatCount(row.tensors), formatBytes(row.bytes)]),
    ]),
    '',
    `  on the device: weights ${formatBytes(memory.weightBytes)} (${memory.weightFormat}), KV cache ${formatBytes(kvBytes)} per token in ${computeType},`,
    `  ${formatBytes(kvBytes * config.maxPositionEmbeddings)} for one request at full length, in blocks of ${BLOCK_SIZE} tokens`,
  ];
}

function windows({ slidingWindows }: ModelConfig): string {
  const sizes = [...new Set(slidingWindows.filter((size) => size !== null))];
  return sizes.length === 0 ? '' : `, sliding window ${sizes.join(', ')}`;
}

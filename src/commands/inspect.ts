import type { Checkpoint } from '../checkpoint/checkpoint.js';
import { openWeights } from '../checkpoint/open.js';
import { parseLine, type Values } from '../config.js';
import { BLOCK_SIZE } from '../engine/block-manager.js';
import type { ModelSource } from '../engine/device-model.js';
import { chooseKvType, kvBytesPerToken } from '../engine/memory-plan.js';
import type { ModelConfig } from '../model/config.js';
import { parseModelConfig } from '../model/config-parse.js';
import { numElements, weightBytes } from '../model/weight-bytes.js';
import type { KvType } from '../ops/ops.js';
import { formatName } from '../quant/formats.js';
import { type FitReport, fitLines, fitReports } from './fit-report.js';
import { formatBytes, formatCount, formatTable } from './format.js';
import { findModel, quantizationFormat } from './model-options.js';
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
    readonly kvCacheType: KvType;
    readonly kvBytesPerToken: number;
  };
  /** What fits this machine's adapter, and `--gpu-memory-limit`. */
  readonly fits: readonly FitReport[];
  readonly tensors: readonly TensorRow[];
}

interface TensorRow {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: number;
}

/** Prints what a model is, what it takes and where it fits, without loading it. Needs no GPU. Resolves with the exit code. */
export async function runInspect(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseLine(args, INSPECT_OPTIONS);
  const inspection = await inspect(await findModel(positionals, values), values);
  const lines = values.json ? [JSON.stringify(inspection, null, 2)] : report(inspection);
  process.stdout.write(`${lines.join('\n')}\n`);
  return 0;
}

type InspectValues = Values<(typeof INSPECT_OPTIONS)[number]>;

async function inspect(dir: string, values: InspectValues): Promise<Inspection> {
  const config = await parseModelConfig(dir);
  const checkpoint = await openWeights(dir);
  try {
    const tensors = [...checkpoint.tensors.values()];
    const source = { config, checkpoint };
    return {
      model: dir,
      config,
      parameters: tensors.reduce((sum, tensor) => sum + numElements(tensor.shape), 0),
      formats: formatRows(checkpoint),
      memory: memoryOf(source, values),
      fits: await fitReports(source, {
        quantization: values.quantization,
        computeType: values.dtype,
        kvCacheDtype: values['kv-cache-dtype'],
        device: values.device,
        requireGpu: values['require-gpu'],
        maxModelLen: values['max-model-len'],
        gpuMemoryUtilization: values['gpu-memory-utilization'],
        gpuMemoryLimitBytes: values['gpu-memory-limit'],
      }),
      tensors: tensors.map(({ name, dtype, storedAs, shape, bytes }) => ({
        name,
        dtype: storedAs ?? dtype,
        shape,
        bytes,
      })),
    };
  } finally {
    await checkpoint.close();
  }
}

function memoryOf({ config, checkpoint }: ModelSource, values: InspectValues): Inspection['memory'] {
  const format = quantizationFormat(values.quantization);
  const computeType = values.dtype === 'float32' ? 'f32' : 'f16';
  const kvCacheType = chooseKvType(values['kv-cache-dtype'], computeType);
  const stored = () => formatRows(checkpoint).map(({ dtype }) => dtype);
  return {
    weightFormat: format === null ? stored().join(', ') : formatName(format),
    weightBytes: weightBytes(checkpoint, config, format, config.maxPositionEmbeddings),
    computeType,
    kvCacheType,
    kvBytesPerToken: kvBytesPerToken(config, kvCacheType),
  };
}

function formatRows({ tensors }: Checkpoint): FormatRow[] {
  const rows = new Map<string, FormatRow>();
  for (const { dtype: type, storedAs, bytes } of tensors.values()) {
    const dtype = storedAs ?? type;
    const row = rows.get(dtype) ?? { dtype, tensors: 0, bytes: 0 };
    rows.set(dtype, { dtype, tensors: row.tensors + 1, bytes: row.bytes + bytes });
  }
  return [...rows.values()];
}

function report({ model, config, parameters, formats, memory, fits }: Inspection): string[] {
  const { numLayers, hiddenSize, intermediateSize, numHeads, numKvHeads, headDim } = config;
  const { kvCacheType, kvBytesPerToken: kvBytes } = memory;
  return [
    `${model}`,
    `  architecture  ${config.architecture}, ${formatCount(parameters)} parameters`,
    `  shape         ${numLayers} layers, hidden ${hiddenSize}, FFN ${intermediateSize}, ${numHeads} heads of ${headDim}, ${numKvHeads} KV heads`,
    ...expertLines(config),
    `  vocabulary    ${formatCount(config.vocabSize)}${config.tieWordEmbeddings ? ', embeddings tied' : ''}`,
    `  context       ${formatCount(config.maxPositionEmbeddings)} tokens${windows(config)}`,
    '',
    ...formatTable([
      ['  stored as', 'tensors', 'bytes'],
      ...formats.map((row) => [`  ${row.dtype}`, formatCount(row.tensors), formatBytes(row.bytes)]),
    ]),
    '',
    `  on the device: weights ${formatBytes(memory.weightBytes)} (${memory.weightFormat}), KV cache ${formatBytes(kvBytes)} per token in ${kvCacheType},`,
    `  ${formatBytes(kvBytes * config.maxPositionEmbeddings)} for one request at full length, in blocks of ${BLOCK_SIZE} tokens`,
    ...fits.flatMap(fitLines),
  ];
}

function expertLines({ experts }: ModelConfig): string[] {
  if (experts === null) return [];
  const { numExperts, topK, intermediateSize, layers } = experts;
  const count = layers.filter(Boolean).length;
  const where = count === layers.length ? 'in every layer' : `in ${count} layers`;
  return [`  experts       ${numExperts}, ${topK} of them for each token, FFN ${intermediateSize}, ${where}`];
}

function windows({ slidingWindows }: ModelConfig): string {
  const sizes = [...new Set(slidingWindows.filter((size) => size !== null))];
  return sizes.length === 0 ? '' : `, sliding window ${sizes.join(', ')}`;
}

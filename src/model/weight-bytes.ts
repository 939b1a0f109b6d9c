import type { Checkpoint, TensorInfo } from '../checkpoint/checkpoint.js';
import { FLOAT_FORMATS } from '../quant/formats.js';
import { TABLE_BYTES } from '../quant/tables.js';
import {
  BLOCK_CODES,
  blocksPerRow,
  groupsPerRow,
  scaleBits,
  type TableName,
  type WeightFormat,
  zeroBits,
} from '../quant/weight.js';
import type { ExpertsConfig, LinearNames, ModelConfig } from './config.js';
import { expertNamesIn } from './expert-matrices.js';
import { isInCodes } from './matrices.js';
import { inExpert } from './names.js';
import { namesIn } from './prefix.js';

/**
 * Bytes of the weights on the device: matrices with rows padded to whole blocks, vectors and the rotation table in f32. Only the layers'
 * matrices of floats are quantized.
 * @param format that the layers' matrices are rounded to; null keeps the checkpoint's
 * @param maxModelLen positions that the rotation table covers
 */
export function weightBytes(
  { tensors }: Pick<Checkpoint, 'tensors'>,
  config: ModelConfig,
  format: WeightFormat | null,
  maxModelLen: number,
): number {
  const formatOf = deviceFormats({ tensors }, config, format);
  const all = deviceTensors(tensors, config);
  const tables = new Set(all.flatMap((info) => tableOf(formatOf(info))));
  const fixed = ropeBytes(config, maxModelLen) + tables.size * TABLE_BYTES;
  const orders = all.reduce((sum, { columns }) => sum + (columns?.byteLength ?? 0), fixed);
  return all.reduce((sum, info) => sum + tensorBytes(info, formatOf(info)), orders);
}

/** The table that is uploaded for a format. */
function tableOf(format: WeightFormat | undefined): TableName[] {
  return format?.reader === 'table4' && format.table !== undefined ? [format.table] : [];
}

/** The format that each tensor takes on the device; undefined where that is its own type. */
function deviceFormats(
  { tensors }: Pick<Checkpoint, 'tensors'>,
  config: ModelConfig,
  format: WeightFormat | null,
): (info: TensorInfo) => WeightFormat | undefined {
  const { embedding, lmHead, positions } = namesIn(tensors, config);
  const kept = new Set([embedding, lmHead, positions, ...routersOf(tensors, config)]);
  return (info) => (format === null || kept.has(info.name) || isInCodes(info) ? info.format : format);
}

function tensorBytes({ shape, bytes }: TensorInfo, format: WeightFormat | undefined): number {
  const [rows, cols] = shape;
  if (shape.length !== 2) return 4 * numElements(shape);
  if (format !== undefined) return formatBytes(format, rows, cols);
  return rows * blocksPerRow(cols) * BLOCK_CODES * (bytes / (rows * cols));
}

/**
 * Bytes of each layer's matrices on the device, by their names within the layer: what can stay in host memory instead.
 * @param format as in `weightBytes`
 */
export function layerMatrixBytes(
  { tensors }: Pick<Checkpoint, 'tensors'>,
  config: ModelConfig,
  format: WeightFormat | null,
): readonly ReadonlyMap<string, number>[] {
  const formatOf = deviceFormats({ tensors }, config, format);
  const [start] = namesIn(tensors, config).q.weight.split('{layer}');
  const layers = Array.from({ length: config.numLayers }, () => new Map<string, number>());
  for (const info of deviceTensors(tensors, config)) {
    if (!info.name.startsWith(start) || info.shape.length < 2) continue;
    const [, layer = '', name = ''] = /^(\d+)\.(.*)$/.exec(info.name.slice(start.length)) ?? [];
    layers[Number(layer)]?.set(name, tensorBytes(info, formatOf(info)));
  }
  return layers;
}

/** Bytes of the matrices of all experts on the device. @param format as in `weightBytes` */
export function expertBytes(
  { tensors }: Pick<Checkpoint, 'tensors'>,
  config: ModelConfig,
  format: WeightFormat | null,
): number {
  const { weights, experts } = config;
  if (experts === null) return 0;
  const names = matrixNames(expertModules(tensors, { weights, experts }), experts);
  const formatOf = deviceFormats({ tensors }, config, format);
  const own = deviceTensors(tensors, config).filter(({ name }) => names.has(name));
  return own.reduce((sum, info) => sum + tensorBytes(info, formatOf(info)), 0);
}

function matrixNames(
  modules: readonly LinearNames[],
  { numExperts }: Pick<ExpertsConfig, 'numExperts'>,
): ReadonlySet<string> {
  const numbers = Array.from({ length: numExperts }, (_, expert) => expert);
  return new Set(modules.flatMap((names) => numbers.map((expert) => inExpert(names, expert).weight)));
}

function expertModules(
  tensors: Checkpoint['tensors'],
  { weights, experts }: { weights: ModelConfig['weights']; experts: ExpertsConfig },
): readonly LinearNames[] {
  return experts.layers.flatMap((_, layer) => {
    const { gate, up, down } = expertNamesIn(weights.experts, tensors, layer);
    return [gate, up, down];
  });
}

/**
 * The tensors as they lie on the device: a tensor of all experts is one matrix, their rows one after another, and their biases are a vector.
 * Experts' codes of scattered columns are decoded.
 */
function deviceTensors(
  tensors: Checkpoint['tensors'],
  { weights, experts }: Pick<ModelConfig, 'weights' | 'experts'>,
): readonly TensorInfo[] {
  const all = [...tensors.values()];
  if (experts === null) return all;
  const modules = expertModules(tensors, { weights, experts });
  const ofExperts = matrixNames(modules, experts);
  const biases = new Set(modules.map(({ bias }) => bias));
  const transposed = new Set(modules.map(({ weight, layout }) => (layout === 'transposed' ? weight : null)));
  return all.map((info) => {
    const { name, shape, format, columns } = info;
    if (columns !== undefined && ofExperts.has(name))
      return { ...info, format: FLOAT_FORMATS.f32, columns: undefined };
    if (biases.has(name)) return { ...info, shape: [numElements(shape)] };
    if (shape.length !== 3) return info;
    const [numExperts, rows, cols] = shape;
    const isTransposed = transposed.has(name) && format === undefined;
    return { ...info, shape: isTransposed ? [numExperts * cols, rows] : [numExperts * rows, cols] };
  });
}

/** Routers keep their format, as embedding and output matrix do. */
function routersOf(
  tensors: Checkpoint['tensors'],
  { weights, experts }: Pick<ModelConfig, 'weights' | 'experts'>,
): readonly string[] {
  const layers = experts?.layers ?? [];
  return layers.map((_, layer) => expertNamesIn(weights.experts, tensors, layer).router.weight);
}

/** Bytes of the rotation tables, one for all layers that rotate alike. */
export function ropeBytes({ ropes }: ModelConfig, maxModelLen: number): number {
  return [...new Set(ropes)].reduce((sum, { rotaryDim }) => sum + 4 * maxModelLen * rotaryDim, 0);
}

function formatBytes(format: WeightFormat, rows: number, cols: number): number {
  const groups = groupsPerRow(format, cols);
  const groupBits = scaleBits(format) + (format.zeroPoints ? zeroBits(format.bits) : 0);
  return rows * (4 * blocksPerRow(cols) * format.bits + (groups * groupBits) / 8);
}

/** Values in a tensor of this shape. */
export function numElements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

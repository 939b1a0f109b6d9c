import type { RawTensor, RowRange, TensorInfo } from '../checkpoint/checkpoint.js';
import { CheckpointError } from '../errors.js';
import type { ExpertsConfig, LinearNames, ModelConfig } from '../model/config.js';
import type { WeightSource } from '../model/matrices.js';
import { fused, inExpert, inLayerName, type StackPart } from '../model/names.js';
import { numElements } from '../model/weight-bytes.js';
import { FLOAT_FORMATS } from '../quant/formats.js';
import { RandomWords, randomPacked } from './random-weights.js';

/** Named in errors in place of a file. */
const FILE = 'random weights';

/**
 * Stands for a BF16 checkpoint of that configuration with weights made when they are asked for, so that a model of any size needs no file.
 * Matrices in a quantized format are made as codes. The same seed gives the same weights where tensors are asked for in the same order.
 */
export function randomCheckpoint(config: ModelConfig, seed: number): WeightSource {
  const random = new RandomWords(seed);
  const tensors = new Map(tensorsOf(config).map((info) => [info.name, info]));
  const find = (name: string): TensorInfo => {
    const info = tensors.get(name);
    if (info === undefined) throw new CheckpointError(FILE, name, 'no such tensor');
    return info;
  };
  return {
    tensors,
    metadata: new Map(),
    read: async (name, range) => randomTensor(random, find(name), range),
    readF32: async (name, range) => ones(find(name), range),
    packed: async (name, format) => {
      const { shape } = find(name);
      const isTransposed = config.weights.experts[0]?.down.layout === 'transposed';
      const [rows, cols] =
        shape.length === 3 && isTransposed ? [shape[0] * shape[2], shape[1]] : matrixOf(shape);
      return randomPacked(random, format, rows, cols);
    },
    close: async () => undefined,
  };
}

/** Rows and columns, whatever lies above the rows. */
function matrixOf(shape: readonly number[], range?: RowRange): [number, number] {
  const [outer, ...inner] = shape;
  const cols = inner.at(-1) ?? 1;
  return [inner.slice(0, -1).reduce((product, size) => product * size, range?.count ?? outer), cols];
}

function randomTensor(random: RandomWords, info: TensorInfo, range?: RowRange): RawTensor {
  const [rows, cols] = matrixOf(info.shape, range);
  const { codes } = randomPacked(random, FLOAT_FORMATS.bf16, rows, cols);
  return { info, data: new Uint8Array(codes.buffer as ArrayBuffer) };
}

/** Vectors: norms that leave values as they are, and small biases. */
function ones({ name, shape }: TensorInfo, range?: RowRange): Float32Array<ArrayBuffer> {
  const [rows, cols] = matrixOf(shape, range);
  return new Float32Array(rows * cols).fill(/[._]bias$/.test(name) ? 1 / 64 : 1);
}

/** Every tensor that a model of this configuration has. */
function tensorsOf(config: ModelConfig): TensorInfo[] {
  const { weights, vocabSize, hiddenSize, numLayers } = config;
  const shapes: [string, readonly number[]][] = [
    [weights.embedding, [vocabSize, hiddenSize]],
    [weights.finalNorm, [hiddenSize]],
    ...(config.tieWordEmbeddings ? [] : [shapeOf(weights.lmHead, vocabSize, hiddenSize)]),
  ];
  for (let layer = 0; layer < numLayers; layer++) {
    for (const [name, shape] of layerShapes(config, layer)) shapes.push([inLayerName(name, layer), shape]);
  }
  return shapes.map(([name, shape]) => ({
    name,
    shape,
    dtype: 'BF16',
    file: FILE,
    offset: 0,
    bytes: 2 * numElements(shape),
  }));
}

type NamedShape = [string, readonly number[]];

function layerShapes(config: ModelConfig, layer: number): NamedShape[] {
  const { weights: w, hiddenSize, numHeads, numKvHeads, headDim, experts } = config;
  const linears: readonly (readonly [LinearNames, number, number])[] = [
    [w.q, numHeads * headDim, hiddenSize],
    [w.k, numKvHeads * headDim, hiddenSize],
    [w.v, numKvHeads * headDim, hiddenSize],
    [w.o, hiddenSize, numHeads * headDim],
    ...(experts?.layers[layer] ? [] : mlpShapes(config)),
  ];
  const norms = [w.attentionNorm, w.mlpNorm].filter((name) => name !== null);
  const headNorms = [w.qNorm, w.kNorm].filter((name) => name !== null);
  return [
    ...(experts?.layers[layer] ? expertShapes(config, experts) : []),
    ...(w.sinks === null ? [] : [shapeOf(w.sinks, numHeads)]),
    ...norms.map((name) => shapeOf(name, hiddenSize)),
    ...headNorms.map((name) => shapeOf(name, headDim)),
    ...linears.flatMap(([{ weight, bias }, rows, cols]) => [
      shapeOf(weight, rows, cols),
      ...(bias === null ? [] : [shapeOf(bias, rows)]),
    ]),
  ];
}

function mlpShapes({ weights: w, hiddenSize, intermediateSize }: ModelConfig) {
  return [
    ...(w.gate === null ? [] : [[w.gate, intermediateSize, hiddenSize] as const]),
    [w.up, intermediateSize, hiddenSize] as const,
    [w.down, hiddenSize, intermediateSize] as const,
  ];
}

/** In the first form that the family's checkpoints have. */
function expertShapes(
  { weights, hiddenSize }: ModelConfig,
  { numExperts, intermediateSize: size }: ExpertsConfig,
): NamedShape[] {
  const [{ router, gate, up, down }] = weights.experts;
  const gates: StackPart[] = [
    [gate, size],
    [up, size],
  ];
  const modules = [
    ...fused(gates).map(([names, rows]) => ({ names, rows, cols: hiddenSize })),
    { names: down, rows: hiddenSize, cols: size },
  ];
  return [
    shapeOf(router.weight, numExperts, hiddenSize),
    ...(router.bias === null ? [] : [shapeOf(router.bias, numExperts)]),
    ...modules.flatMap(({ names, rows, cols }) => moduleShapes(names, numExperts, rows, cols)),
  ];
}

/** A matrix and a bias for each expert, or the tensors of all. */
function moduleShapes(names: LinearNames, numExperts: number, rows: number, cols: number): NamedShape[] {
  if (names.weight.includes('{expert}')) {
    return Array.from({ length: numExperts }, (_, expert) => expert).flatMap((expert) => {
      const { weight, bias } = inExpert(names, expert);
      return [shapeOf(weight, rows, cols), ...(bias === null ? [] : [shapeOf(bias, rows)])];
    });
  }
  const { weight, bias, layout } = names;
  const sizes = layout === 'transposed' ? [cols, rows] : [rows, cols];
  return [shapeOf(weight, numExperts, ...sizes), ...(bias === null ? [] : [shapeOf(bias, numExperts, rows)])];
}

function shapeOf(name: string, ...shape: number[]): NamedShape {
  return [name, shape];
}

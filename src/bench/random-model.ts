import type { RawTensor, TensorInfo } from '../checkpoint/checkpoint.js';
import { CheckpointError } from '../errors.js';
import type { LinearNames, ModelConfig } from '../model/config.js';
import { inLayerName } from '../model/load.js';
import type { WeightSource } from '../model/matrices.js';
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
    read: async (name) => randomTensor(random, find(name)),
    readF32: async (name) => ones(find(name)),
    packed: async (name, format) => {
      const [rows, cols] = find(name).shape;
      return randomPacked(random, format, rows, cols);
    },
    close: async () => undefined,
  };
}

function randomTensor(random: RandomWords, info: TensorInfo): RawTensor {
  const [rows, cols] = info.shape;
  const { codes } = randomPacked(random, FLOAT_FORMATS.bf16, rows, cols);
  return { info, data: new Uint8Array(codes.buffer as ArrayBuffer) };
}

/** Vectors: norms that leave values as they are, and small biases. */
function ones({ name, shape }: TensorInfo): Float32Array<ArrayBuffer> {
  const length = shape.reduce((product, size) => product * size, 1);
  return new Float32Array(length).fill(name.endsWith('.bias') ? 1 / 64 : 1);
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
    for (const [name, shape] of layerShapes(config)) shapes.push([inLayerName(name, layer), shape]);
  }
  return shapes.map(([name, shape]) => ({
    name,
    shape,
    dtype: 'BF16',
    file: FILE,
    offset: 0,
    bytes: 2 * shape.reduce((product, size) => product * size, 1),
  }));
}

type NamedShape = [string, readonly number[]];

function layerShapes(config: ModelConfig): NamedShape[] {
  const { weights: w, hiddenSize, intermediateSize, numHeads, numKvHeads, headDim } = config;
  const linears: readonly (readonly [LinearNames, number, number])[] = [
    [w.q, numHeads * headDim, hiddenSize],
    [w.k, numKvHeads * headDim, hiddenSize],
    [w.v, numKvHeads * headDim, hiddenSize],
    [w.o, hiddenSize, numHeads * headDim],
    ...(w.gate === null ? [] : [[w.gate, intermediateSize, hiddenSize] as const]),
    [w.up, intermediateSize, hiddenSize],
    [w.down, hiddenSize, intermediateSize],
  ];
  const norms = [w.attentionNorm, w.mlpNorm].filter((name) => name !== null);
  const headNorms = [w.qNorm, w.kNorm].filter((name) => name !== null);
  return [
    ...norms.map((name) => shapeOf(name, hiddenSize)),
    ...headNorms.map((name) => shapeOf(name, headDim)),
    ...linears.flatMap(([{ weight, bias }, rows, cols]) => [
      shapeOf(weight, rows, cols),
      ...(bias === null ? [] : [shapeOf(bias, rows)]),
    ]),
  ];
}

function shapeOf(name: string, ...shape: number[]): NamedShape {
  return [name, shape];
}

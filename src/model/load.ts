import type { Checkpoint, TensorInfo } from '../checkpoint/checkpoint.js';
import { CheckpointError } from '../errors.js';
import type { Ops, Tensor, Weight } from '../ops/ops.js';
import { packFloat } from '../quant/pack.js';
import { stackRows } from '../quant/rows.js';
import { quantizeRtn } from '../quant/rtn.js';
import type { PackedWeight, WeightFormat } from '../quant/weight.js';
import type { LinearNames, ModelConfig } from './config.js';
import type { Layer, Linear, Model } from './model.js';
import { ropeTable } from './rope.js';

/** A checkpoint, or what stands for one. */
export interface WeightSource extends Checkpoint {
  /** A matrix in a format that its tensor is not stored in. Absent, the tensor is read in f32 and rounded to the nearest codes. */
  readonly packed?: (name: string, format: WeightFormat) => Promise<PackedWeight>;
  /** A matrix that the checkpoint itself holds in codes, repacked without loss; null for a tensor of plain floats, and absent where all are. */
  readonly stored?: (name: string) => Promise<PackedWeight | null>;
}

export interface LoadOptions {
  /** Format that the layers' matrices of floats are rounded to; null keeps the checkpoint's. Embedding and output matrix stay as they are. */
  readonly quantization: WeightFormat | null;
  /** Positions that the rotation table covers. */
  readonly maxModelLen: number;
  /** Called after each tensor with the checkpoint's bytes read so far. */
  readonly onBytes: (bytes: number) => void;
}

/**
 * Reads a checkpoint onto a device, one layer's tensors in host memory at a time.
 * Throws CheckpointError where a tensor is missing or of another shape or type than the configuration asks for.
 */
export async function loadModel<B>(
  ops: Ops<B>,
  checkpoint: WeightSource,
  config: ModelConfig,
  options: LoadOptions,
): Promise<Model<B>> {
  const loader = new Loader(ops, checkpoint, config, options);
  const { vocabSize, hiddenSize, weights, tieWordEmbeddings, numLayers, rope } = config;
  const embedding = await loader.table(weights.embedding, vocabSize, hiddenSize);
  const layers: Layer<B>[] = [];
  for (let layer = 0; layer < numLayers; layer++) layers.push(await loader.layer(layer));
  return {
    config,
    embedding,
    layers,
    finalNorm: await loader.vector(weights.finalNorm, hiddenSize),
    lmHead: tieWordEmbeddings ? embedding : await loader.table(weights.lmHead, vocabSize, hiddenSize),
    rope: ops.constant(ropeTable(rope, options.maxModelLen), options.maxModelLen, rope.rotaryDim),
  };
}

/** A matrix that is stacked with others: its names and output rows. */
type StackPart = readonly [LinearNames, number];

class Loader<B> {
  #bytes = 0;

  constructor(
    readonly ops: Ops<B>,
    readonly checkpoint: WeightSource,
    readonly config: ModelConfig,
    readonly options: LoadOptions,
  ) {}

  async layer(layer: number): Promise<Layer<B>> {
    const {
      weights: w,
      hiddenSize,
      intermediateSize,
      numHeads,
      numKvHeads,
      headDim,
      slidingWindows,
    } = this.config;
    const named = (names: LinearNames) => inLayer(names, layer);
    const q: StackPart = [named(w.q), numHeads * headDim];
    const k: StackPart = [named(w.k), numKvHeads * headDim];
    const v: StackPart = [named(w.v), numKvHeads * headDim];
    return {
      attentionNorm: await this.vector(inLayerName(w.attentionNorm, layer), hiddenSize),
      qkv: await this.linear([q, k, v], hiddenSize),
      headNorms: await this.#headNorms(layer),
      o: await this.linear([[named(w.o), hiddenSize]], numHeads * headDim),
      mlpNorm: await this.vector(inLayerName(w.mlpNorm, layer), hiddenSize),
      gateUp: await this.linear(
        [
          [named(w.gate), intermediateSize],
          [named(w.up), intermediateSize],
        ],
        hiddenSize,
      ),
      down: await this.linear([[named(w.down), hiddenSize]], intermediateSize),
      window: slidingWindows[layer],
    };
  }

  /** A matrix in the checkpoint's own format. */
  async table(name: string, rows: number, cols: number): Promise<Weight<B>> {
    return this.ops.weight([await this.#packed(name, rows, cols)]);
  }

  async vector(name: string, length: number): Promise<Tensor<B>> {
    return this.ops.constant(await this.#values(name, [length]), 1, length);
  }

  /** Matrices of equal K, stacked by rows, and their biases; a matrix without one gets zeros where another has one. */
  async linear(parts: readonly StackPart[], cols: number): Promise<Linear<B>> {
    const packed: PackedWeight[] = [];
    for (const [names, rows] of parts) packed.push(await this.#quantized(names.weight, rows, cols));
    return { weight: this.ops.weight(stackRows(packed)), bias: await this.#bias(parts) };
  }

  async #bias(parts: readonly StackPart[]): Promise<Tensor<B> | null> {
    if (parts.every(([names]) => names.bias === null)) return null;
    const total = parts.reduce((sum, [, rows]) => sum + rows, 0);
    const values = new Float32Array(total);
    let at = 0;
    for (const [names, rows] of parts) {
      if (names.bias !== null) values.set(await this.#values(names.bias, [rows]), at);
      at += rows;
    }
    return this.ops.constant(values, 1, total);
  }

  async #headNorms(layer: number): Promise<Tensor<B> | null> {
    const { qNorm, kNorm } = this.config.weights;
    if (qNorm === null || kNorm === null) return null;
    const dim = this.config.headDim;
    const norms = new Float32Array(2 * dim);
    norms.set(await this.#values(inLayerName(qNorm, layer), [dim]), 0);
    norms.set(await this.#values(inLayerName(kNorm, layer), [dim]), dim);
    return this.ops.constant(norms, 2, dim);
  }

  async #quantized(name: string, rows: number, cols: number): Promise<PackedWeight> {
    const format = this.options.quantization;
    if (format === null || isInCodes(this.checkpoint.tensors.get(name)))
      return this.#packed(name, rows, cols);
    if (this.checkpoint.packed !== undefined) {
      this.#count(this.#expect(name, [rows, cols]));
      return this.checkpoint.packed(name, format);
    }
    return quantizeRtn(await this.#values(name, [rows, cols]), rows, cols, format, name);
  }

  async #packed(name: string, rows: number, cols: number): Promise<PackedWeight> {
    const info = this.#expect(name, [rows, cols]);
    const stored = (await this.checkpoint.stored?.(name)) ?? null;
    if (stored !== null) {
      this.#count(info);
      return stored;
    }
    const type = FLOAT_TYPES.get(info.dtype);
    if (type === undefined) {
      throw new CheckpointError(info.file, name, `${info.dtype}, but a weight must be F32, F16 or BF16`);
    }
    const { data } = await this.checkpoint.read(name);
    this.#count(info);
    return packFloat(data, type, rows, cols);
  }

  async #values(name: string, shape: readonly number[]): Promise<Float32Array<ArrayBuffer>> {
    const info = this.#expect(name, shape);
    const values = await this.checkpoint.readF32(name);
    this.#count(info);
    return values;
  }

  #expect(name: string, shape: readonly number[]): TensorInfo {
    const info = this.checkpoint.tensors.get(name);
    if (info === undefined) {
      const file = this.checkpoint.tensors.values().next().value?.file ?? 'checkpoint';
      throw new CheckpointError(file, name, `no such tensor, but ${this.config.architecture} needs it`);
    }
    if (info.shape.join() === shape.join()) return info;
    const problem = `shape [${info.shape}], but config.json asks for [${shape}]`;
    throw new CheckpointError(info.file, name, problem);
  }

  #count(info: TensorInfo): void {
    this.#bytes += info.bytes;
    this.options.onBytes(this.#bytes);
  }
}

const FLOAT_TYPES = new Map([
  ['F32', 'f32'],
  ['F16', 'f16'],
  ['BF16', 'bf16'],
] as const) as ReadonlyMap<string, 'f32' | 'f16' | 'bf16'>;

/** Whether a matrix lies in memory in the integer codes that its checkpoint has. It is never rounded to others. */
export function isInCodes(info: TensorInfo | undefined): boolean {
  return (info?.format?.scaleType ?? null) !== null;
}

function inLayer({ weight, bias }: LinearNames, layer: number): LinearNames {
  return { weight: inLayerName(weight, layer), bias: bias === null ? null : inLayerName(bias, layer) };
}

/** The name of a layer's tensor. @param template a name of `WeightNames` */
export function inLayerName(template: string, layer: number): string {
  return template.replace('{layer}', String(layer));
}

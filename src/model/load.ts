import type { Ops, Tensor, Weight } from '../ops/ops.js';
import { type PackedRows, stackSources } from '../quant/packed-rows.js';
import type { Rounding } from '../quant/rounding.js';
import { isInteger, type WeightFormat } from '../quant/weight.js';
import type { LinearNames, ModelConfig, RopeConfig } from './config.js';
import { ExpertMatrices, expertNamesIn } from './expert-matrices.js';
import { type LayerStacks, layerStacks, type Stack } from './layer-stacks.js';
import type { LoraAdapter } from './lora-adapter.js';
import { loadLoras } from './loras.js';
import { Matrices, type WeightSource } from './matrices.js';
import { headwiseValues } from './matrix-layout.js';
import type { Layer, Linear, Model, Norm } from './model.js';
import { fused, inLayerName, type StackPart } from './names.js';
import { loadLayers } from './offload.js';
import { namesIn } from './prefix.js';
import { createRescale, hasRowScales, keepingScales, type RescaledRows } from './rescale.js';
import { ropeTable } from './rope.js';
import { type ActivationOption, roundingOf, sharedRounding } from './rounding.js';
import { type NamedRows, Samples } from './samples.js';

export interface LoadOptions {
  /** Format that the layers' matrices of floats are rounded to; null keeps the checkpoint's. Embedding and output matrix stay as they are. */
  readonly quantization: WeightFormat | null;
  /** How the layers' products take their activations; absent, as floats. */
  readonly activations?: ActivationOption;
  /** Positions that the rotation table covers. */
  readonly maxModelLen: number;
  /** Layers whose matrices stay in host memory; absent, 0. */
  readonly numHostLayers?: number;
  /** In the order of their numbers; absent, none. */
  readonly adapters?: readonly LoraAdapter[];
  /** Called with the checkpoint's bytes read so far. */
  readonly onBytes: (bytes: number) => void;
}

/**
 * Reads a checkpoint onto a device, a few rows of a matrix in host memory at a time.
 * Throws CheckpointError where a tensor is missing or of another shape or type than the configuration asks for.
 */
export async function loadModel<B>(
  ops: Ops<B>,
  checkpoint: WeightSource,
  config: ModelConfig,
  options: LoadOptions,
): Promise<Model<B>> {
  const loader = createLoader(ops, checkpoint, config, options);
  const { vocabSize, hiddenSize, tieWordEmbeddings, numLayers } = config;
  const { weights } = loader.config;
  const embedding = await loader.embedding();
  const { numHostLayers = 0 } = options;
  const { layers, bring } = await loadLayers(ops, { numLayers, numHostLayers }, (i) => loader.layer(i));
  return {
    config,
    embedding,
    positions: await loader.positions(),
    layers,
    bring,
    finalNorm: await loader.norm(weights.finalNorm),
    lmHead: tieWordEmbeddings ? embedding : await loader.table(weights.lmHead, vocabSize, hiddenSize),
    loras: await loadLoras(ops, options.adapters ?? [], config),
    samples: loader.samples.of,
  };
}

/** For the parts of a model, one at a time. */
export function createLoader<B>(
  ops: Ops<B>,
  checkpoint: WeightSource,
  config: ModelConfig,
  options: LoadOptions,
): Loader<B> {
  return new Loader(ops, checkpoint, { ...config, weights: namesIn(checkpoint.tensors, config) }, options);
}

export type { Loader };

class Loader<B> {
  readonly matrices: Matrices;
  readonly samples = new Samples<B>();
  readonly #ropes = new Map<RopeConfig, Tensor<B>>();

  constructor(
    readonly ops: Ops<B>,
    readonly checkpoint: WeightSource,
    readonly config: ModelConfig,
    readonly options: LoadOptions,
  ) {
    this.matrices = new Matrices(checkpoint, config, options);
  }

  embedding(): Promise<Weight<B>> {
    const { weights, vocabSize, hiddenSize } = this.config;
    return this.table(weights.embedding, vocabSize, hiddenSize);
  }

  async positions(): Promise<Weight<B> | null> {
    const { weights, maxPositionEmbeddings, hiddenSize } = this.config;
    return weights.positions === null
      ? null
      : this.table(weights.positions, maxPositionEmbeddings, hiddenSize);
  }

  async layer(layer: number): Promise<Layer<B>> {
    const { weights: w, slidingWindows, ropes } = this.config;
    const norm = (name: string | null) => (name === null ? null : this.norm(inLayerName(name, layer)));
    const rope = ropes[layer];
    const stacks = layerStacks(this.config, layer);
    return {
      attentionNorm: await norm(w.attentionNorm),
      attentionPostNorm: await norm(w.attentionPostNorm),
      qkv: await this.linear(stacks.qkv),
      rope: this.#rope(rope),
      rotaryDim: rope.rotaryDim,
      headNorms: await this.#headNorms(layer),
      o: await this.linear(stacks.o),
      mlpNorm: await norm(w.mlpNorm),
      mlpPostNorm: await norm(w.mlpPostNorm),
      sinks: await this.#sinks(layer),
      ...(await (this.config.experts?.layers[layer] ? this.#experts(layer) : this.#mlp(stacks))),
      window: slidingWindows[layer],
    };
  }

  async #mlp({ gateUp, down }: LayerStacks): Promise<Pick<Layer<B>, 'router' | 'gateUp' | 'down'>> {
    return { router: null, gateUp: await this.linear(gateUp), down: await this.linear(down) };
  }

  /** The router keeps its format: it is small, and what it chooses matters more than a weight. */
  async #experts(layer: number): Promise<Pick<Layer<B>, 'router' | 'gateUp' | 'down'>> {
    const { weights, hiddenSize, experts } = this.config;
    if (experts === null) throw new Error('a layer with experts, but none are configured');
    const { router, gate, up, down } = expertNamesIn(weights.experts, this.checkpoint.tensors, layer);
    const matrices = new ExpertMatrices(this.matrices, experts);
    const { numExperts, intermediateSize: size } = experts;
    const gates: readonly StackPart[] = [
      [gate, size],
      [up, size],
    ];
    return {
      router: {
        weight: await this.table(router.weight, numExperts, hiddenSize),
        bias: await this.#bias([[router, numExperts]]),
        rounding: null,
        rescale: null,
      },
      gateUp: await this.#ofExperts(matrices, gates, 2 * size, hiddenSize),
      down: await this.#ofExperts(matrices, [[down, hiddenSize]], hiddenSize, size),
    };
  }

  /** The matrices `[outputs, inputs]` of all experts, one below the other. */
  async #ofExperts(
    matrices: ExpertMatrices,
    parts: readonly StackPart[],
    outputs: number,
    inputs: number,
  ): Promise<Linear<B>> {
    const sources = stackSources(matrices.sources(parts, inputs));
    const biases = await matrices.biases(parts);
    const named = matrices.named(parts);
    const load = (watched: readonly PackedRows[]) => this.ops.loadWeight(watched, outputs);
    return {
      weight: await this.samples.taking(named, sources, load, outputs),
      bias: biases === null ? null : this.ops.constant(biases, 1, biases.length),
      rounding: sources.every(({ format }) => isInteger(format))
        ? this.#rounding(named.map(([name]) => name))
        : null,
      rescale: null,
    };
  }

  async #sinks(layer: number): Promise<Tensor<B> | null> {
    const { weights, numHeads } = this.config;
    if (weights.sinks === null) return null;
    return this.ops.constant(await this.#values(inLayerName(weights.sinks, layer), [numHeads]), 1, numHeads);
  }

  /** A matrix in the checkpoint's own format. */
  async table(name: string, rows: number, cols: number): Promise<Weight<B>> {
    return this.#weight([[name, rows]], [this.matrices.stored(name, rows, cols)]);
  }

  #weight(named: readonly NamedRows[], sources: readonly PackedRows[]): Promise<Weight<B>> {
    return this.samples.taking(named, sources, (watched) => this.ops.loadWeight(watched));
  }

  /** @param name of its weight, beside which LayerNorm's bias lies */
  async norm(name: string): Promise<Norm<B>> {
    const { norm, hiddenSize } = this.config;
    const weight = this.ops.constant(await this.#normWeight(name, hiddenSize), 1, hiddenSize);
    if (norm === 'rms') return { weight, bias: null };
    const bias = await this.#values(name.replace(/weight$/, 'bias'), [hiddenSize]);
    return { weight, bias: this.ops.constant(bias, 1, hiddenSize) };
  }

  async #normWeight(name: string, length: number): Promise<Float32Array<ArrayBuffer>> {
    const values = await this.#values(name, [length]);
    return this.config.normOffset === 0 ? values : values.map((value) => value + this.config.normOffset);
  }

  /** One table for all layers that rotate alike. Without rotation the table is never read, but something must be bound. */
  #rope(rope: RopeConfig): Tensor<B> {
    const known = this.#ropes.get(rope);
    if (known !== undefined) return known;
    const { maxModelLen } = this.options;
    const made =
      rope.rotaryDim === 0
        ? this.ops.constant(new Float32Array(4), 1, 4)
        : this.ops.constant(ropeTable(rope, maxModelLen), maxModelLen, rope.rotaryDim);
    this.#ropes.set(rope, made);
    return made;
  }

  /** Matrices of equal K, stacked by rows, and their biases; a matrix without one gets zeros where another has one. */
  async linear({ parts: named, cols }: Stack): Promise<Linear<B>> {
    const parts = fused(named);
    const sources = parts.map(([names, rows]) => this.matrices.rounded(names, rows, cols));
    const tensors = parts.map(([{ weight }, rows]) => [weight, rows] as const);
    const integer = sources.every(({ format, columns }) => isInteger(format) && columns === undefined);
    const rounding = integer ? this.#rounding(tensors.map(([name]) => name)) : null;
    const rescaled = typeof rounding?.scale === 'number' ? this.#rescaled(tensors, sources) : null;
    if (rounding !== null && rescaled !== null) return this.#integers(parts, sources, rounding, rescaled);
    return {
      weight: await this.#weight(tensors, stackSources(sources)),
      bias: await this.#bias(parts),
      rounding,
      rescale: null,
    };
  }

  #rounding(names: readonly string[]): Rounding | null {
    const { activations = null } = this.options;
    return sharedRounding(names.map((name) => roundingOf(this.checkpoint.tensors.get(name), activations)));
  }

  /** What is known of matrices whose products are in integers alone; null where they are not. */
  #rescaled(tensors: readonly NamedRows[], sources: readonly PackedRows[]): readonly RescaledRows[] | null {
    if (this.options.activations !== 'stored') return null;
    const matrices = tensors.flatMap(([name, rows], i) => {
      const { outputStep, file = '' } = this.checkpoint.tensors.get(name) ?? {};
      const rescales = outputStep !== undefined && hasRowScales(sources[i].format);
      return rescales ? [{ name, file, rows, outputStep }] : [];
    });
    return matrices.length === tensors.length ? matrices : null;
  }

  async #integers(
    parts: readonly StackPart[],
    sources: readonly PackedRows[],
    rounding: Rounding,
    matrices: readonly RescaledRows[],
  ): Promise<Linear<B>> {
    const weightScales = new Float32Array(matrices.reduce((sum, { rows }) => sum + rows, 0));
    const stacked = stackSources(keepingScales(sources, weightScales));
    const weight = await this.#weight(
      matrices.map(({ name, rows }) => [name, rows]),
      stacked,
    );
    const bias = await this.#biasOf(parts);
    const inputStep = Number(rounding.scale);
    const rescale = createRescale(this.ops, { matrices, inputStep, weightScales, bias });
    return { weight, bias: null, rounding, rescale };
  }

  async #bias(parts: readonly StackPart[]): Promise<Tensor<B> | null> {
    const values = await this.#biasOf(parts);
    return values === null ? null : this.ops.constant(values, 1, values.length);
  }

  async #biasOf(parts: readonly StackPart[]): Promise<Float32Array | null> {
    if (parts.every(([names]) => names.bias === null)) return null;
    const total = parts.reduce((sum, [, rows]) => sum + rows, 0);
    const values = new Float32Array(total);
    let at = 0;
    for (const [names, rows] of parts) {
      if (names.bias !== null) values.set(await this.#biasValues(names, names.bias, rows), at);
      at += rows;
    }
    return values;
  }

  async #biasValues({ layout }: LinearNames, name: string, rows: number): Promise<Float32Array> {
    const values = await this.#values(name, [rows]);
    return layout === 'headwise' ? headwiseValues(values, this.config.headDim) : values;
  }

  async #headNorms(layer: number): Promise<Tensor<B> | null> {
    const { weights, headDim, qkNorm, numHeads, numKvHeads } = this.config;
    const { qNorm, kNorm } = weights;
    if (qNorm === null || kNorm === null) return null;
    const [qHeads, kHeads] = qkNorm === 'all' ? [numHeads, numKvHeads] : [1, 1];
    const norms = new Float32Array((qHeads + kHeads) * headDim);
    norms.set(await this.#normWeight(inLayerName(qNorm, layer), qHeads * headDim), 0);
    norms.set(await this.#normWeight(inLayerName(kNorm, layer), kHeads * headDim), qHeads * headDim);
    return this.ops.constant(norms, qHeads + kHeads, headDim);
  }

  #values(name: string, shape: readonly number[]): Promise<Float32Array<ArrayBuffer>> {
    return this.matrices.values(name, shape);
  }
}

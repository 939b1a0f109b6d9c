import type { ActivationSteps } from '../checkpoint/write/format.js';
import type { ModelConfig } from '../model/config.js';
import { type LayerStacks, layerStacks, type Stack } from '../model/layer-stacks.js';
import { createLoader, type Loader } from '../model/load.js';
import type { WeightSource } from '../model/matrices.js';
import { headwiseRows } from '../model/matrix-layout.js';
import type { Layer } from '../model/model.js';
import { fused } from '../model/names.js';
import { namesIn } from '../model/prefix.js';
import type { Ops } from '../ops/ops.js';
import { rowsOf, stackSources } from '../quant/packed-rows.js';
import type { PackedWeight } from '../quant/weight.js';
import { measureSteps, type ProductSteps, type StepOptions } from './activation-steps.js';
import { usableWeight } from './decoded.js';
import { GramSums } from './gram-sums.js';
import { HeadRun } from './head-run.js';
import { InputMoments } from './input-moments.js';
import { LayerRun, type Sample } from './layer-run.js';
import type { InputStats, MatrixResult } from './method.js';

export interface GatherOptions<B> {
  /** Opens a device: one for the embeddings and one for each layer, of which the last is destroyed before. */
  readonly openOps: () => Promise<Ops<B>>;
  readonly checkpoint: WeightSource;
  readonly config: ModelConfig;
  /** Token ids of each sample. */
  readonly samples: readonly (readonly number[])[];
  readonly withHessian: boolean;
  /** Which static scales are asked for; absent, none. */
  readonly steps?: StepOptions | null;
}

type StackName = keyof LayerStacks;
const ORDER: readonly StackName[] = ['qkv', 'o', 'gateUp', 'down'];

interface Place {
  readonly layer: number;
  readonly stack: StackName;
}

/** What a matrix is held as for once. */
export interface Swap extends Pick<MatrixResult, 'packed' | 'groupIndex'> {
  readonly tensor: string;
}

/** A layer on its device. */
interface Stage<B> {
  readonly index: number;
  readonly run: LayerRun<B>;
  readonly loader: Loader<B>;
  layer: Layer<B>;
  /** Products whose weights are to be made anew of what their matrices became. */
  readonly stale: Set<StackName>;
  /** By the number of columns. */
  readonly sums: Map<number, GramSums<B>>;
}

/**
 * Runs a model on a calibration text and tells what is known of the inputs of each matrix. One layer at a time is on the device, and the residual
 * streams of all samples are on the host between layers, so the model may be larger than the device's memory. Matrices are asked for in the order in
 * which a token meets them; each sees what those before it became (`replace`), which is GPTQ's true-sequential.
 */
export class InputGatherer<B> {
  readonly #places: ReadonlyMap<string, Place>;
  readonly #replaced = new Map<string, PackedWeight>();
  readonly #maxTokens: number;
  #hidden: readonly Float32Array[] | null = null;
  #stage: Stage<B> | null = null;
  #head: HeadRun<B> | null = null;
  /** Of the product that was asked for last: q, k and v have the same inputs. */
  #known: (Place & { readonly stats: InputStats }) | null = null;
  #measured: (Place & { readonly steps: ProductSteps }) | null = null;

  constructor(readonly options: GatherOptions<B>) {
    this.#places = placesOf(this.#config());
    this.#maxTokens = Math.max(...options.samples.map(({ length }) => length));
  }

  /** Takes the samples to a layer, so that what those before it became is let go of. Throws RangeError for a layer that is done. */
  async reach(layer: number): Promise<void> {
    if (layer < this.options.config.numLayers) await this.#reach(layer);
  }

  /**
   * Takes residual streams `[tokens][hidden]` of some samples through a layer, in which one matrix may be another for once. Throws RangeError for a layer
   * that is done.
   * @param indices which samples they are of
   */
  async through(
    layer: number,
    indices: readonly number[],
    hidden: readonly Float32Array[],
    swap: Swap | null = null,
  ): Promise<readonly Float32Array[]> {
    const stage = await this.#reach(layer);
    if (swap !== null) this.replace(swap.tensor, swap);
    await this.#refresh(stage, ORDER);
    const { samples } = this.options;
    const outputs: Float32Array[] = [];
    for (const [i, index] of indices.entries())
      outputs.push(await stage.run.output(stage.layer, { tokenIds: samples[index], hidden: hidden[i] }));
    if (swap !== null) this.#restore(stage, swap.tensor);
    return outputs;
  }

  /** The residual streams of some samples before a layer, or after the last one. */
  async hiddenBefore(layer: number, indices: readonly number[]): Promise<readonly Float32Array[]> {
    const { numLayers } = this.options.config;
    if (layer < numLayers) await this.#reach(layer);
    else await this.head();
    const hidden = this.#hidden ?? [];
    return indices.map((index) => hidden[index]);
  }

  /** Takes the samples through all layers, to final norm and output matrix. */
  async head(): Promise<HeadRun<B>> {
    if (this.#head !== null) return this.#head;
    await this.#finish(await this.#reach(this.options.config.numLayers - 1));
    this.close();
    const { openOps, checkpoint, config } = this.options;
    this.#head = await HeadRun.open(await openOps(), checkpoint, config);
    return this.#head;
  }

  /** null for a matrix of experts, and for one that is no layer's. Throws RangeError for a layer that is done. */
  async statsOf(tensor: string): Promise<InputStats | null> {
    if (tensor === this.headTensor())
      return (await this.head()).stats(this.#hidden ?? [], this.options.withHessian);
    const place = this.#places.get(tensor);
    if (place === undefined || this.#hasExperts(place)) return null;
    if (place.layer === this.#known?.layer && place.stack === this.#known.stack) return this.#known.stats;
    const stage = await this.#reach(place.layer);
    await this.#refresh(stage, ORDER.slice(0, ORDER.indexOf(place.stack)));
    const stats = await this.#gather(stage, place.stack);
    this.#known = { ...place, stats };
    return stats;
  }

  /** Static scales of a matrix; null where there is none to find: for a matrix of experts, and outside the layers. Throws RangeError as `statsOf`. */
  async stepsOf(tensor: string): Promise<ActivationSteps | null> {
    const place = this.#places.get(tensor);
    const { steps = null } = this.options;
    if (place === undefined || steps === null || this.#hasExperts(place)) return null;
    if (place.layer !== this.#measured?.layer || place.stack !== this.#measured.stack)
      this.#measured = { ...place, steps: await this.#measure(place, steps) };
    const { input, outputs } = this.#measured.steps;
    const output = outputs.get(tensor);
    return output === undefined ? { input } : { input, output };
  }

  /** What a matrix became, for all that is computed after it. Rows as the checkpoint has them, or if it is transposed there, by outputs. */
  replace(tensor: string, became: Pick<MatrixResult, 'packed' | 'groupIndex'>): void {
    const place = this.#places.get(tensor);
    if (place === undefined || this.#hasExperts(place)) return;
    this.#replaced.set(tensor, usableWeight(became));
    if (this.#stage?.index === place.layer) this.#stage.stale.add(place.stack);
  }

  /** Lets go of the device. */
  close(): void {
    this.#stage?.run.ops.destroy();
    this.#stage = null;
    this.#head?.close();
    this.#head = null;
  }

  /** The output matrix, which may be the embedding. */
  headTensor(): string {
    const { weights, tieWordEmbeddings } = this.#config();
    return tieWordEmbeddings ? weights.embedding : weights.lmHead;
  }

  #restore(stage: Stage<B>, tensor: string): void {
    this.#replaced.delete(tensor);
    const place = this.#places.get(tensor);
    if (place !== undefined) stage.stale.add(place.stack);
  }

  #config(): ModelConfig {
    const { config, checkpoint } = this.options;
    return { ...config, weights: namesIn(checkpoint.tensors, config) };
  }

  #hasExperts({ layer, stack }: Place): boolean {
    return this.options.config.experts?.layers[layer] === true && stack !== 'qkv' && stack !== 'o';
  }

  async #reach(layer: number): Promise<Stage<B>> {
    if (this.#stage !== null && layer < this.#stage.index)
      throw new RangeError(`layer ${layer} is asked for after layer ${this.#stage.index}`);
    this.#hidden ??= await this.#embed();
    let stage = this.#stage ?? (await this.#open(0));
    while (stage.index < layer) {
      await this.#finish(stage);
      stage = await this.#open(stage.index + 1);
    }
    return stage;
  }

  #embed(): Promise<readonly Float32Array[]> {
    const { samples } = this.options;
    return this.embedded(samples.map((_, i) => i));
  }

  /** The residual streams of some samples before the first layer. @param swapped in place of the embedding */
  async embedded(
    indices: readonly number[],
    swapped: PackedWeight | null = null,
  ): Promise<readonly Float32Array[]> {
    const { run, loader } = await this.#device();
    const table = swapped === null ? await loader.embedding() : await run.ops.loadWeight([rowsOf(swapped)]);
    const positions = await loader.positions();
    const hidden: Float32Array[] = [];
    for (const index of indices) hidden.push(await run.embed(this.options.samples[index], table, positions));
    run.ops.destroy();
    return hidden;
  }

  async #device(): Promise<Pick<Stage<B>, 'run' | 'loader'>> {
    const { openOps, checkpoint, config } = this.options;
    const ops = await openOps();
    const loading = { quantization: null, maxModelLen: this.#maxTokens, onBytes: () => undefined };
    return {
      run: new LayerRun(ops, config, this.#maxTokens),
      loader: createLoader(ops, checkpoint, config, loading),
    };
  }

  async #open(index: number): Promise<Stage<B>> {
    this.close();
    const device = await this.#device();
    const layer = await device.loader.layer(index);
    // What was replaced before the layer was reached: a job that goes on where it was.
    const stale = new Set(ORDER.filter((stack) => this.#isReplaced({ layer: index, stack })));
    this.#stage = { index, ...device, layer, stale, sums: new Map() };
    return this.#stage;
  }

  #isReplaced({ layer, stack }: Place): boolean {
    return this.#stack(layer, stack).parts.some(([{ weight }]) => this.#replaced.has(weight));
  }

  #stack(layer: number, stack: StackName): Stack {
    return layerStacks(this.#config(), layer)[stack];
  }

  /** Takes all samples through a layer as it became. */
  async #finish(stage: Stage<B>): Promise<void> {
    await this.#refresh(stage, ORDER);
    const hidden: Float32Array[] = [];
    for (const sample of this.#samples()) hidden.push(await stage.run.output(stage.layer, sample));
    this.#hidden = hidden;
    for (const stack of ORDER) {
      for (const [{ weight }] of this.#stack(stage.index, stack).parts) this.#replaced.delete(weight);
    }
  }

  #samples(): readonly Sample[] {
    const hidden = this.#hidden ?? [];
    return this.options.samples.map((tokenIds, i) => ({ tokenIds, hidden: hidden[i] }));
  }

  /** Makes weights of those of the products that are stale. */
  async #refresh(stage: Stage<B>, stacks: readonly StackName[]): Promise<void> {
    for (const name of stacks.filter((stack) => stage.stale.delete(stack))) {
      const weight = await stage.run.ops.loadWeight(this.#sources(stage, name));
      stage.run.ops.unload(stage.layer[name].weight);
      stage.layer = { ...stage.layer, [name]: { ...stage.layer[name], weight } };
    }
  }

  #sources({ index, loader }: Stage<B>, name: StackName) {
    const { parts, cols } = this.#stack(index, name);
    const sources = fused(parts).map(([names, rows]) => {
      const packed = this.#replaced.get(names.weight);
      if (packed === undefined) return loader.matrices.rounded(names, rows, cols);
      const { headDim } = this.options.config;
      const ordered = names.layout === 'headwise' ? headwiseRows(packed, headDim) : packed;
      return rowsOf(ordered);
    });
    return stackSources(sources);
  }

  async #measure({ layer: index, stack }: Place, options: StepOptions): Promise<ProductSteps> {
    const stage = await this.#reach(index);
    await this.#refresh(stage, ORDER.slice(0, ORDER.indexOf(stack)));
    const { run, layer } = stage;
    const parts = fused(this.#stack(index, stack).parts).map(([{ weight }, rows]) => [weight, rows] as const);
    return measureSteps(run, layer, layer[stack], parts, this.#samples(), options);
  }

  async #gather({ run, layer, sums: all }: Stage<B>, stack: StackName): Promise<InputStats> {
    const { weight } = layer[stack];
    const moments = new InputMoments(weight.cols);
    const sums = this.options.withHessian ? sumsOf(all, run.ops, weight.cols) : null;
    sums?.reset();
    for (const sample of this.#samples()) moments.add(await run.input(layer, weight, sample, sums));
    return moments.stats((await sums?.hessian(moments.numTokens)) ?? null);
  }
}

/** Products of as many columns share their room on the device. */
function sumsOf<B>(all: Map<number, GramSums<B>>, ops: Ops<B>, cols: number): GramSums<B> {
  const sums = all.get(cols) ?? new GramSums(ops, cols);
  all.set(cols, sums);
  return sums;
}

function placesOf(config: ModelConfig): ReadonlyMap<string, Place> {
  const layers = Array.from({ length: config.numLayers }, (_, layer) => layer);
  return new Map(
    layers.flatMap((layer) => {
      const stacks = layerStacks(config, layer);
      return ORDER.flatMap((stack) =>
        stacks[stack].parts.map(([{ weight }]) => [weight, { layer, stack }] as const),
      );
    }),
  );
}

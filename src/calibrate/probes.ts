import { dequantizeRow } from '../quant/formats.js';
import type { PackedWeight } from '../quant/weight.js';
import type { InputGatherer } from './gather.js';
import type { HeadRun } from './head-run.js';
import { klDivergence, rowSums } from './log-probs.js';
import type { MatrixResult } from './method.js';

/** The parts of a gatherer that take residual streams through a model. */
export type Streams<B> = Pick<InputGatherer<B>, 'embedded' | 'through' | 'hiddenBefore' | 'head'>;

/** A matrix that is rounded for once. */
export interface Rounded extends Pick<MatrixResult, 'packed' | 'groupIndex'> {
  readonly tensor: string;
}

interface Probe extends Rounded {
  hidden: readonly Float32Array[];
}

/**
 * Residual streams of some samples in models in which one matrix each is rounded. They are taken through the layers side by side, so that no layer is
 * loaded twice.
 */
export class Probes<B> {
  readonly #probes: Probe[] = [];

  /** @param indices of the samples */
  constructor(
    readonly streams: Streams<B>,
    readonly indices: readonly number[],
  ) {}

  /** An embedding, which may be the output matrix too. */
  async addTable(rounded: Rounded): Promise<void> {
    const hidden = await this.streams.embedded(this.indices, rounded.packed);
    this.#probes.push({ ...rounded, hidden });
  }

  /** An output matrix that is no embedding: nothing before it is changed. */
  async addHead(rounded: Rounded, numLayers: number): Promise<void> {
    const hidden = await this.streams.hiddenBefore(numLayers, this.indices);
    this.#probes.push({ ...rounded, hidden });
  }

  /** A matrix of the layer at hand. */
  async add(layer: number, rounded: Rounded): Promise<void> {
    const before = await this.streams.hiddenBefore(layer, this.indices);
    const hidden = await this.streams.through(layer, this.indices, before, rounded);
    this.#probes.push({ ...rounded, hidden });
  }

  /** Takes those there are through a layer. */
  async pass(layer: number): Promise<void> {
    for (const probe of this.#probes)
      probe.hidden = await this.streams.through(layer, this.indices, probe.hidden);
  }

  /**
   * Mean KL divergence of each from the model as it is, in nats, once all have passed the last layer.
   * @param headTensor the output matrix, where it is rounded too
   */
  async divergences(numLayers: number, headTensor: string): Promise<ReadonlyMap<string, number>> {
    const base = await this.streams.hiddenBefore(numLayers, this.indices);
    const head = await this.streams.head();
    const runs = await Promise.all(
      this.#probes.map(({ tensor, packed }) => (tensor === headTensor ? head.withWeight(packed) : head)),
    );
    const sums = new Float64Array(this.#probes.length);
    const numTokens = base.reduce((sum, { length }) => sum + length / head.config.hiddenSize, 0);
    for (const [s, stream] of base.entries()) {
      const others = this.#probes.map(({ hidden }, p) => runs[p].logits(hidden[s]));
      for await (const rows of head.logits(stream)) await addDivergences(rows, others, head, sums);
    }
    return new Map(this.#probes.map(({ tensor }, p) => [tensor, sums[p] / numTokens]));
  }
}

/** @param rows `[tokens][vocab]` of the model as it is; `others` give the same rows of each probe */
async function addDivergences<B>(
  rows: Float32Array,
  others: readonly AsyncGenerator<Float32Array, void>[],
  { config: { vocabSize } }: HeadRun<B>,
  sums: Float64Array,
): Promise<void> {
  const norms = rowsOf(rows, vocabSize).map((row) => rowSums(row).norm);
  for (const [p, other] of others.entries()) {
    const { value } = await other.next();
    if (value === undefined) throw new Error('a probe has fewer rows than the model');
    for (const [r, row] of rowsOf(value, vocabSize).entries()) {
      const own = rows.subarray(r * vocabSize, (r + 1) * vocabSize);
      sums[p] += klDivergence(own, row, norms[r], rowSums(row).norm);
    }
  }
}

function rowsOf(values: Float32Array, cols: number): Float32Array[] {
  return Array.from({ length: values.length / cols }, (_, r) => values.subarray(r * cols, (r + 1) * cols));
}

/** How far a row's numbers are from what its codes stand for. @param row `[cols]` */
export function rowDelta(row: Float32Array, packed: PackedWeight, index: number, out: Float64Array): void {
  dequantizeRow(packed, index, out);
  for (let k = 0; k < row.length; k++) out[k] = row[k] - out[k];
}

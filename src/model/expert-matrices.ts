import type { TensorInfo } from '../checkpoint/checkpoint.js';
import { dequantize, FLOAT_FORMATS } from '../quant/formats.js';
import { quantizeNearest } from '../quant/nearest.js';
import { packFloat } from '../quant/pack.js';
import { type PackedRows, wholeRows } from '../quant/packed-rows.js';
import { sliceRows, takeRows } from '../quant/rows.js';
import type { PackedWeight, WeightFormat } from '../quant/weight.js';
import type { ExpertNames, ExpertsConfig, LinearNames } from './config.js';
import { floatType, isInCodes, type Matrices } from './matrices.js';
import { transposed } from './matrix-layout.js';
import { fused, inExpert, inLayer, type StackPart } from './names.js';
import type { NamedRows } from './samples.js';

type Shape = Pick<ExpertsConfig, 'numExperts' | 'interleaved'>;

/** One part of an expert's rows, of the tensors that hold it. */
interface ExpertPart {
  readonly names: LinearNames;
  readonly rows: number;
  /** Gate and up take turns in it. */
  readonly takesTurns: boolean;
}

/** The names in a layer, of the first form that the checkpoint has; of the first of all where it has none, so that what is missing is told. */
export function expertNamesIn(
  forms: readonly ExpertNames[],
  tensors: ReadonlyMap<string, unknown>,
  layer: number,
): ExpertNames {
  const named = forms.map(({ router, gate, up, down }) => ({
    router: inLayer(router, layer),
    gate: inLayer(gate, layer),
    up: inLayer(up, layer),
    down: inLayer(down, layer),
  }));
  return named.find(({ down }) => tensors.has(inExpert(down, 0).weight)) ?? named[0];
}

/** The matrices of a layer's experts, read one expert at a time where the checkpoint allows. */
export class ExpertMatrices {
  constructor(
    readonly matrices: Matrices,
    readonly shape: Shape,
  ) {}

  /** Of each expert in turn the rows of all parts. */
  sources(parts: readonly StackPart[], cols: number): PackedRows[] {
    const perExpert = this.#parts(parts).map((part) => this.#source(part, cols));
    const experts = Array.from({ length: this.shape.numExperts }, (_, expert) => expert);
    return experts.flatMap((expert) => perExpert.map((source) => source(expert)));
  }

  /** The tensors that the rows of the sources are of, in their order. */
  named(parts: readonly StackPart[]): NamedRows[] {
    const merged = fused(parts);
    const experts = Array.from({ length: this.shape.numExperts }, (_, expert) => expert);
    return experts.flatMap((expert) =>
      merged.map(([names, rows]): NamedRows => [inExpert(names, expert).weight, rows]),
    );
  }

  /** Biases of the same rows, in the same order; null where there are none. */
  async biases(parts: readonly StackPart[]): Promise<Float32Array<ArrayBuffer> | null> {
    if (parts.every(([names]) => names.bias === null)) return null;
    const total = parts.reduce((sum, [, rows]) => sum + rows, 0);
    const values = new Float32Array(this.shape.numExperts * total);
    let at = 0;
    for (const part of this.#parts(parts)) {
      for (let expert = 0; expert < this.shape.numExperts; expert++)
        values.set(await this.#bias(part, expert), expert * total + at);
      at += part.rows;
    }
    return values;
  }

  #parts(parts: readonly StackPart[]): ExpertPart[] {
    const merged = fused(parts);
    const takesTurns = this.shape.interleaved && merged.length < parts.length;
    return merged.map(([names, rows]) => ({ names, rows, takesTurns }));
  }

  #source({ names, rows, takesTurns }: ExpertPart, cols: number): (expert: number) => PackedRows {
    if (inExpert(names, 0) !== names) {
      return (expert) => this.#ofModule(inExpert(names, expert), rows, cols);
    }
    const { weight: name, layout } = names;
    const format = this.matrices.checkpoint.tensors.get(name)?.format;
    const isTransposed = layout === 'transposed' && format === undefined;
    const sizes = isTransposed ? [cols, rows] : [rows, cols];
    const info = this.matrices.expect(name, [this.shape.numExperts, ...sizes]);
    const read = this.#reader(info, rows, cols, isTransposed);
    const shape = { format: this.#formatOf(info), rows, cols };
    return (expert) =>
      wholeRows(shape, async () => {
        const weight = await read(expert);
        this.matrices.count(info.bytes / this.shape.numExperts);
        return takesTurns ? takeRows(weight, turnsApart(rows)) : weight;
      });
  }

  /** Activations are not put into another order for each expert: codes of scattered columns are decoded, and rounded where that is asked for. */
  #ofModule(names: LinearNames, rows: number, cols: number): PackedRows {
    const source = this.matrices.rounded(names, rows, cols);
    if (source.columns === undefined) return source;
    const { quantization } = this.matrices.options;
    const read = async (start: number, count: number): Promise<PackedWeight> => {
      const values = dequantize(await source.read(start, count));
      if (quantization === null) return packFloat(values, 'f32', count, cols);
      return quantizeNearest(values, count, cols, quantization, names.weight, start);
    };
    return { format: quantization ?? FLOAT_FORMATS.f32, rows, cols, read };
  }

  #formatOf(info: TensorInfo): WeightFormat {
    const own = info.format ?? FLOAT_FORMATS[floatType(info)];
    return isInCodes(info) ? own : (this.matrices.options.quantization ?? own);
  }

  /** Reads an expert's matrix of a tensor that holds those of all. Experts are asked for in order. */
  #reader(
    info: TensorInfo,
    rows: number,
    cols: number,
    isTransposed: boolean,
  ): (expert: number) => Promise<PackedWeight> {
    const { checkpoint, options } = this.matrices;
    const { name } = info;
    const format = options.quantization;
    const { packed } = checkpoint;
    if (format !== null && packed !== undefined) return this.#fromWhole(() => packed(name, format), rows);
    if (info.format !== undefined) return this.#repacked(info, rows);
    const relay = <T extends Uint16Array | Uint32Array | Float32Array>(values: T) =>
      isTransposed ? transposed(values, rows) : values;
    return async (expert) => {
      const range = { start: expert, count: 1 };
      if (format !== null)
        return quantizeNearest(relay(await checkpoint.readF32(name, range)), rows, cols, format, name);
      const { buffer } = (await checkpoint.read(name, range)).data;
      const type = floatType(info);
      const elements = type === 'f32' ? new Uint32Array(buffer) : new Uint16Array(buffer);
      return packFloat(relay(elements), type, rows, cols);
    };
  }

  /** Of a tensor that the checkpoint repacks itself; rounded where that gives floats and a format is asked for. */
  #repacked(info: TensorInfo, rows: number): (expert: number) => Promise<PackedWeight> {
    const { checkpoint } = this.matrices;
    const format = this.#formatOf(info);
    const stored = async (range?: { start: number; count: number }): Promise<PackedWeight> => {
      const weight = await checkpoint.stored?.(info.name, range);
      if (weight) return weight;
      throw new Error(`${info.name}: listed with a format, but not stored in one`);
    };
    const read =
      checkpoint.storesRows === true || info.readsRanges === true
        ? (expert: number) => stored({ start: expert, count: 1 })
        : this.#fromWhole(() => stored(), rows);
    return async (expert) => {
      const weight = await read(expert);
      if (format.scaleType === null || weight.format.scaleType !== null) return weight;
      return quantizeNearest(dequantize(weight), rows, weight.cols, format, info.name);
    };
  }

  /** Holds the matrices of all from the first expert to the last. */
  #fromWhole(make: () => Promise<PackedWeight>, rows: number): (expert: number) => Promise<PackedWeight> {
    let held: PackedWeight | null = null;
    return async (expert) => {
      const whole: PackedWeight = held ?? (await make());
      held = expert + 1 < this.shape.numExperts ? whole : null;
      return sliceRows(whole, expert * rows, rows);
    };
  }

  async #bias({ names, rows, takesTurns }: ExpertPart, expert: number): Promise<Float32Array> {
    if (names.bias === null) return new Float32Array(rows);
    const { bias } = inExpert(names, expert);
    if (bias !== null && bias !== names.bias) return this.matrices.values(bias, [rows]);
    const range = { start: expert, count: 1 };
    const values = await this.matrices.values(names.bias, [this.shape.numExperts, rows], range);
    return takesTurns ? Float32Array.from(turnsApart(rows), (row) => values[row]) : values;
  }
}

/** Rows that take turns, as two halves: the even ones, then the odd. */
function turnsApart(rows: number): number[] {
  return Array.from({ length: rows }, (_, i) => (2 * i < rows ? 2 * i : 2 * i - rows + 1));
}

import type { Checkpoint, RowRange, TensorInfo } from '../checkpoint/checkpoint.js';
import { CheckpointError } from '../errors.js';
import { FLOAT_FORMATS, type FloatType } from '../quant/formats.js';
import { quantizeNearest } from '../quant/nearest.js';
import { packFloat } from '../quant/pack.js';
import { type PackedRows, wholeRows } from '../quant/packed-rows.js';
import type { PackedWeight, WeightFormat } from '../quant/weight.js';
import type { LinearNames, ModelConfig } from './config.js';
import { headwiseRows, transposed } from './matrix-layout.js';

/** A checkpoint, or what stands for one. */
export interface WeightSource extends Checkpoint {
  /** A matrix in a format that its tensor is not stored in. Absent, the tensor is read in f32 and rounded to the nearest codes. */
  readonly packed?: (name: string, format: WeightFormat) => Promise<PackedWeight>;
  /** A matrix that the checkpoint itself holds in codes, repacked without loss; null for a tensor of plain floats, and absent where all are. */
  readonly stored?: (name: string, rows?: RowRange) => Promise<PackedWeight | null>;
  /** Whether rows of such a matrix can be read without the others. */
  readonly storesRows?: true;
}

type MatrixConfig = Pick<ModelConfig, 'architecture' | 'headDim'>;

interface MatrixOptions {
  /** Format that matrices of floats are rounded to; null keeps the checkpoint's. */
  readonly quantization: WeightFormat | null;
  /** Called with the checkpoint's bytes read so far. */
  readonly onBytes: (bytes: number) => void;
}

/** A checkpoint's matrices in the format that they take on the device, read by rows where its layout allows. */
export class Matrices {
  #bytes = 0;

  constructor(
    readonly checkpoint: WeightSource,
    readonly config: MatrixConfig,
    readonly options: MatrixOptions,
  ) {}

  /** In the checkpoint's own format. Throws CheckpointError, as all here, where the tensor is missing or of another shape or type. */
  stored(name: string, rows: number, cols: number): PackedRows {
    const info = this.expect(name, [rows, cols]);
    return this.#counted(info, this.#own(info, rows, cols));
  }

  /** Rounded to the format that is asked for, where it is held as floats. In rows of outputs, however the checkpoint has them. */
  rounded({ weight: name, layout }: LinearNames, rows: number, cols: number): PackedRows {
    const isTransposed = layout === 'transposed' && this.checkpoint.tensors.get(name)?.byOutputs !== true;
    const info = this.expect(name, isTransposed ? [cols, rows] : [rows, cols]);
    if (isTransposed) return this.#counted(info, this.#transposed(info, rows, cols));
    const source = this.#rounded(info, rows, cols);
    return this.#counted(info, layout === 'headwise' ? this.#byModules(source) : source);
  }

  expect(name: string, shape: readonly number[]): TensorInfo {
    const info = this.checkpoint.tensors.get(name);
    if (info === undefined) {
      const file = this.checkpoint.tensors.values().next().value?.file ?? 'checkpoint';
      throw new CheckpointError(file, name, `no such tensor, but ${this.config.architecture} needs it`);
    }
    if (info.shape.join() === shape.join()) return info;
    const problem = `shape [${info.shape}], but config.json asks for [${shape}]`;
    throw new CheckpointError(info.file, name, problem);
  }

  /** Tells that so many more bytes of the checkpoint were read. */
  count(bytes: number): void {
    this.#bytes += bytes;
    this.options.onBytes(this.#bytes);
  }

  /** A vector, or rows of a table, in f32. */
  async values(name: string, shape: readonly number[], rows?: RowRange): Promise<Float32Array<ArrayBuffer>> {
    const { bytes } = this.expect(name, shape);
    const values = await this.checkpoint.readF32(name, rows);
    this.count(rows === undefined ? bytes : (bytes * rows.count) / shape[0]);
    return values;
  }

  #counted({ bytes }: TensorInfo, source: PackedRows): PackedRows {
    const { rows } = source;
    const bytesBefore = (row: number) => Math.round((bytes * row) / rows);
    const read = async (start: number, count: number): Promise<PackedWeight> => {
      const weight = await source.read(start, count);
      this.count(bytesBefore(start + count) - bytesBefore(start));
      return weight;
    };
    return { ...source, read };
  }

  #own(info: TensorInfo, rows: number, cols: number): PackedRows {
    if (info.format !== undefined) return this.#codes(info, info.format, rows, cols);
    const type = floatType(info);
    const read = async (start: number, count: number): Promise<PackedWeight> => {
      const { data } = await this.checkpoint.read(info.name, { start, count });
      return packFloat(data, type, count, cols);
    };
    return { format: FLOAT_FORMATS[type], rows, cols, read };
  }

  /** A matrix that the checkpoint repacks itself. */
  #codes(info: TensorInfo, format: WeightFormat, rows: number, cols: number): PackedRows {
    const { name, file, columns } = info;
    const stored = async (range?: RowRange): Promise<PackedWeight> => {
      const weight = await this.checkpoint.stored?.(name, range);
      if (weight) return weight;
      throw new CheckpointError(file, name, 'listed with a format, but not stored in one');
    };
    const shape = columns === undefined ? { format, rows, cols } : { format, rows, cols, columns };
    if (this.checkpoint.storesRows !== true) return wholeRows(shape, () => stored());
    return { ...shape, read: (start, count) => stored({ start, count }) };
  }

  #rounded(info: TensorInfo, rows: number, cols: number): PackedRows {
    const format = this.options.quantization;
    if (format === null || isInCodes(info)) return this.#own(info, rows, cols);
    const { name } = info;
    const { packed } = this.checkpoint;
    if (packed !== undefined) return wholeRows({ format, rows, cols }, () => packed(name, format));
    const values = this.#floats(info, rows, cols);
    const read = async (start: number, count: number): Promise<PackedWeight> =>
      quantizeNearest(await values(start, count), count, cols, format, name, start);
    return { format, rows, cols, read };
  }

  /** Reads rows as f32. What the checkpoint cannot give by rows is held from the first to the last. */
  #floats(
    { name, format }: TensorInfo,
    rows: number,
    cols: number,
  ): (start: number, count: number) => Promise<Float32Array> {
    if (format === undefined || this.checkpoint.storesRows === true) {
      return (start, count) => this.checkpoint.readF32(name, { start, count });
    }
    let held: Float32Array | null = null;
    return async (start, count) => {
      const values: Float32Array = held ?? (await this.checkpoint.readF32(name));
      held = start + count < rows ? values : null;
      return values.subarray(start * cols, (start + count) * cols);
    };
  }

  /** Rows of q, k and v of each head as all rows of q, of k, and of v. */
  #byModules(source: PackedRows): PackedRows {
    const { headDim } = this.config;
    return wholeRows(source, async () => headwiseRows(await source.read(0, source.rows), headDim));
  }

  /** A matrix `[cols][rows]` in the checkpoint. Codes share scales along the wrong side, so they are decoded. */
  #transposed(info: TensorInfo, rows: number, cols: number): PackedRows {
    const { name } = info;
    const { quantization } = this.options;
    const type = info.format === undefined ? floatType(info) : 'f32';
    return wholeRows({ format: quantization ?? FLOAT_FORMATS[type], rows, cols }, async () => {
      if (quantization === null && info.format === undefined) {
        const { buffer } = (await this.checkpoint.read(name)).data;
        const elements = type === 'f32' ? new Uint32Array(buffer) : new Uint16Array(buffer);
        return packFloat(transposed(elements, rows), type, rows, cols);
      }
      const values = transposed(await this.checkpoint.readF32(name), rows);
      if (quantization !== null) return quantizeNearest(values, rows, cols, quantization, name);
      return packFloat(values, 'f32', rows, cols);
    });
  }
}

/** Whether a matrix lies in memory in the integer codes that its checkpoint has. It is never rounded to others. */
export function isInCodes(info: TensorInfo | undefined): boolean {
  return (info?.format?.scaleType ?? null) !== null;
}

/** Whether some matrix has columns in an order of its own, in which activations must be put before its products. */
export function ordersColumns({ tensors }: Pick<Checkpoint, 'tensors'>): boolean {
  return [...tensors.values()].some(({ columns }) => columns !== undefined);
}

const FLOAT_TYPES = new Map([
  ['F32', 'f32'],
  ['F16', 'f16'],
  ['BF16', 'bf16'],
] as const) as ReadonlyMap<string, FloatType>;

/** Throws CheckpointError where the tensor holds no floats. */
export function floatType({ dtype, file, name }: TensorInfo): FloatType {
  const type = FLOAT_TYPES.get(dtype);
  if (type !== undefined) return type;
  throw new CheckpointError(file, name, `${dtype}, but a weight must be F32, F16 or BF16`);
}

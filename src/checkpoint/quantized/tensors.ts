import { CheckpointError } from '../../errors.js';
import type { Checkpoint, TensorInfo } from '../checkpoint.js';
import type { Dtype } from '../dtypes.js';

/** Far above any model; products of two such sizes are exact. */
const MAX_SIZE = 2 ** 24;

/** The modules that have a tensor of this name: `a.b` for `a.b.qweight`. */
export function modulesWith(checkpoint: Checkpoint, suffix: string): ModuleTensors[] {
  const end = `.${suffix}`;
  return [...checkpoint.tensors.values()]
    .filter(({ name }) => name.endsWith(end))
    .map((info) => new ModuleTensors(checkpoint, info.name.slice(0, -end.length), info));
}

/** The tensors of one module, which is quantized because it has one of them, its anchor. */
export class ModuleTensors {
  constructor(
    readonly checkpoint: Checkpoint,
    /** Path without a final dot. */
    readonly module: string,
    readonly anchor: TensorInfo,
  ) {}

  find(suffix: string): TensorInfo | null {
    return this.checkpoint.tensors.get(`${this.module}.${suffix}`) ?? null;
  }

  /** A tensor of one of these types. Throws CheckpointError where it is missing or of another. */
  expect(suffix: string, dtypes: readonly Dtype[]): TensorInfo {
    const info = this.find(suffix);
    if (info !== null) return checkType(info, dtypes);
    const { file, name } = this.anchor;
    throw new CheckpointError(file, `${this.module}.${suffix}`, `missing, but ${name} needs it`);
  }

  async bytes(info: TensorInfo): Promise<Uint8Array<ArrayBuffer>> {
    return (await this.checkpoint.read(info.name)).data;
  }

  /** Elements of 32 bits. */
  async words(info: TensorInfo): Promise<Uint32Array<ArrayBuffer>> {
    return new Uint32Array((await this.bytes(info)).buffer);
  }
}

/** Throws CheckpointError where the tensor is of no such type. */
export function checkType(info: TensorInfo, dtypes: readonly TensorInfo['dtype'][]): TensorInfo {
  if (dtypes.includes(info.dtype)) return info;
  throw tensorError(info, `${info.dtype}, must be ${dtypes.join(' or ')}`);
}

/** Throws CheckpointError where the shape is another. */
export function checkShape(info: TensorInfo, ...shape: readonly number[]): void {
  if (info.shape.join() === shape.join()) return;
  throw tensorError(info, `shape [${info.shape.join(', ')}], must be [${shape.join(', ')}]`);
}

/** Two sizes that a matrix can have. Throws CheckpointError. */
export function matrixShape(info: TensorInfo, shape: readonly number[] = info.shape): [number, number] {
  const [rows, cols] = shape;
  const valid = shape.length === 2 && shape.every((size) => size >= 1 && size <= MAX_SIZE);
  if (!valid) throw tensorError(info, `[${shape.slice(0, 8).join(', ')}] is no shape of a matrix`);
  return [rows, cols];
}

export function tensorError(info: TensorInfo, problem: string): CheckpointError {
  return new CheckpointError(info.file, info.name, problem);
}

import { CheckpointError } from '../errors.js';
import type { Rounding } from '../quant/rounding.js';
import type { WeightFormat } from '../quant/weight.js';
import { type Dtype, isDtype, tensorBytes } from './dtypes.js';
import { Fields } from './fields.js';
import type { GgufType } from './gguf/types.js';
import { type JsonLimits, parseJson } from './json.js';

/** The header length is a u64 in front of it. */
export const LENGTH_BYTES = 8;
/** The format's reference reader refuses longer headers. */
const MAX_HEADER_BYTES = 100_000_000;
const MAX_TENSORS = 100_000;
const MAX_DIMS = 8;
/** Header → entry → shape: nothing of the format is nested deeper. */
const HEADER_LIMITS: JsonLimits = { maxBytes: MAX_HEADER_BYTES, maxDepth: 3, uniqueKeys: true };

export interface TensorInfo {
  readonly name: string;
  readonly dtype: Dtype | GgufType;
  /** Outermost first; row-major. */
  readonly shape: readonly number[];
  /** Path of the file that holds it. */
  readonly file: string;
  /** Position of its first byte from the start of the file. */
  readonly offset: number;
  readonly bytes: number;
  /** As the file holds a matrix in codes, for people; absent where `dtype` says all. */
  readonly storedAs?: string;
  /** As that matrix lies in memory. */
  readonly format?: WeightFormat;
  /** The order of its columns there; absent where it is their own. */
  readonly columns?: Uint32Array;
  /** How the checkpoint has activations rounded before they meet it; absent where they stay floats. */
  readonly rounding?: Rounding;
  /** The step of INT8 codes that its products are rounded to; absent where they are not. */
  readonly outputStep?: number;
  /** Its rows are outputs, also in a family whose matrices of floats lie the other way round. */
  readonly byOutputs?: true;
  /** Whether ranges of its first size can be read without the rest, where the checkpoint says otherwise of its matrices in codes. */
  readonly readsRanges?: true;
}

export interface Header {
  readonly tensors: readonly TensorInfo[];
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * Length of the JSON header from a file's first 8 bytes, checked against the file's size.
 * Throws CheckpointError.
 */
export function headerLength(prefix: Uint8Array, file: string, fileSize: number): number {
  if (prefix.length < LENGTH_BYTES) {
    throw new CheckpointError(file, 'bytes 0–7', `a file of ${fileSize} bytes has no safetensors header`);
  }
  const length = new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true);
  const room = fileSize - LENGTH_BYTES;
  if (length > BigInt(MAX_HEADER_BYTES) || length > BigInt(room)) {
    const problem = `header of ${length} bytes; at most ${Math.min(room, MAX_HEADER_BYTES)} are possible. The file is cut off or not safetensors`;
    throw new CheckpointError(file, 'bytes 0–7', problem);
  }
  return Number(length);
}

/**
 * Parses the JSON header of the safetensors format and checks that the tensors fill the file without holes or overlaps.
 * Throws CheckpointError with the tensor's name.
 */
export function parseHeader(json: Uint8Array, file: string, fileSize: number): Header {
  if (json[0] !== 0x7b) throw new CheckpointError(file, 'header', 'must start with {');
  const fields = Fields.from(parseJson(json, file, HEADER_LIMITS), file);
  const names = fields.keys().filter((name) => name !== '__metadata__');
  if (names.length > MAX_TENSORS) {
    throw new CheckpointError(
      file,
      'header',
      `${names.length} tensors, more than the ${MAX_TENSORS} allowed`,
    );
  }
  const dataStart = LENGTH_BYTES + json.length;
  const tensors = names.map((name) => parseEntry(fields, name, dataStart));
  checkCoverage(tensors, file, dataStart, fileSize);
  return { tensors, metadata: parseMetadata(fields) };
}

function parseMetadata(fields: Fields): Map<string, string> {
  if (!fields.has('__metadata__')) return new Map();
  const metadata = fields.child('__metadata__');
  return new Map(metadata.keys().map((key) => [key, metadata.string(key)]));
}

function parseEntry(fields: Fields, name: string, dataStart: number): TensorInfo {
  const entry = fields.child(name);
  const dtype = entry.string('dtype');
  if (!isDtype(dtype)) throw entry.error('dtype', `unknown type ${JSON.stringify(dtype)}`);
  const shape = integers(entry, 'shape');
  if (shape.length > MAX_DIMS)
    throw entry.error('shape', `${shape.length} dimensions, at most ${MAX_DIMS} are allowed`);
  const [begin, end] = offsets(entry);
  const bytes = tensorBytes(dtype, shape);
  if (bytes !== end - begin) {
    throw entry.error(
      'data_offsets',
      `${end - begin} bytes, but ${dtype} [${shape.join(', ')}] takes ${bytes ?? 'no whole number'}`,
    );
  }
  return { name, dtype, shape, file: fields.file, offset: dataStart + begin, bytes };
}

function offsets(entry: Fields): [number, number] {
  const values = integers(entry, 'data_offsets');
  const [begin, end] = values;
  if (values.length !== 2 || begin > end) {
    throw entry.error('data_offsets', `must be [begin, end], is [${values.slice(0, 4).join(', ')}]`);
  }
  return [begin, end];
}

function integers(entry: Fields, key: string): number[] {
  return entry.list(key).map((value) => {
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
    throw entry.error(key, 'must hold integers from 0 to 2^53 − 1');
  });
}

/** Every byte after the header belongs to exactly one tensor. */
function checkCoverage(
  tensors: readonly TensorInfo[],
  file: string,
  dataStart: number,
  fileSize: number,
): void {
  let position = dataStart;
  for (const tensor of [...tensors].sort((a, b) => a.offset - b.offset || a.bytes - b.bytes)) {
    if (tensor.offset !== position) {
      const problem = tensor.offset < position ? 'overlaps the tensor before it' : `leaves a hole before it`;
      throw new CheckpointError(file, `${tensor.name}.data_offsets`, problem);
    }
    position += tensor.bytes;
  }
  if (position !== fileSize) {
    throw new CheckpointError(
      file,
      'size',
      `${fileSize} bytes, but the header describes ${position}: the file is cut off or damaged`,
    );
  }
}

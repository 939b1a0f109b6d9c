import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { CheckpointError } from '../../errors.js';
import { Fields } from '../fields.js';
import { fileError } from '../json.js';
import { ByteReader, type ByteSource } from './byte-reader.js';
import { GGUF_TYPES, type GgufType, typeOfId } from './types.js';

/** Far above any model's, so that a damaged count costs neither time nor memory. */
const MAX = { keys: 100_000, tensors: 100_000, items: 1_000_000, stringBytes: 10_000_000, dims: 8, depth: 4 };
const DEFAULT_ALIGNMENT = 32;
const MAX_ALIGNMENT = 1 << 20;

/** A tensor under the name that the file gives it. */
export interface GgufTensor {
  readonly name: string;
  readonly type: GgufType;
  /** That holds the data. */
  readonly file: string;
  /** Outermost first, as everywhere else; the file has it the other way round. */
  readonly shape: readonly number[];
  /** From the start of the file. */
  readonly offset: number;
  readonly bytes: number;
}

export interface GgufHeader {
  readonly file: string;
  /** Numbers, booleans, strings and lists of these by key. */
  readonly metadata: Fields;
  readonly tensors: readonly GgufTensor[];
}

/** A model that is one GGUF file, as opposed to a directory. */
export function isGguf(path: string): boolean {
  return /\.gguf$/i.test(path);
}

/** Reads all of a GGUF file but the tensors' data. Throws CheckpointError naming the file and the key or tensor. */
export function readGgufHeader(file: string): GgufHeader {
  let handle: number | null = null;
  try {
    handle = openSync(file, 'r');
    const stats = fstatSync(handle);
    if (!stats.isFile()) throw new CheckpointError(file, 'file', 'not a regular file');
    return parseGguf(fileSource(file, handle, stats.size));
  } catch (error) {
    throw fileError(file, error);
  } finally {
    if (handle !== null) closeSync(handle);
  }
}

function fileSource(file: string, handle: number, size: number): ByteSource {
  return {
    file,
    size,
    read(position, length) {
      const bytes = new Uint8Array(length);
      let done = 0;
      while (done < length) {
        const count = readSync(handle, bytes, done, length - done, position + done);
        if (count === 0) throw new CheckpointError(file, `byte ${position + done}`, 'the file ends early');
        done += count;
      }
      return bytes;
    },
  };
}

/** Parses versions 2 and 3 of the format, whose layouts are the same. Throws CheckpointError. */
export function parseGguf(source: ByteSource): GgufHeader {
  const reader = new ByteReader(source);
  checkMagic(reader);
  // A tensor takes a name, a count of dimensions, a type and an offset; a key a name, a type and a value.
  const numTensors = reader.count('number of tensors', MAX.tensors, 24);
  const numKeys = reader.count('number of keys', MAX.keys, 13);
  const metadata = Fields.from(readMetadata(reader, numKeys), source.file);
  const alignment = metadata.integer('general.alignment', { min: 1, max: MAX_ALIGNMENT }, DEFAULT_ALIGNMENT);
  const relative = readTensors(reader, numTensors);
  const dataStart = Math.ceil(reader.position / alignment) * alignment;
  const tensors = relative.map((tensor) => placed(reader, tensor, dataStart, alignment));
  checkOverlaps(source, tensors);
  return { file: source.file, metadata, tensors };
}

function checkMagic(reader: ByteReader): void {
  const magic = reader.u32('magic');
  if (magic !== 0x46554747) throw reader.error('magic', 'the file does not start with GGUF');
  const version = reader.u32('version');
  if (version === 0x03000000) throw reader.error('version', 'big-endian files are not read');
  if (version !== 2 && version !== 3) throw reader.error('version', `${version} is not read; known: 2, 3`);
}

function readMetadata(reader: ByteReader, numKeys: number): object {
  const entries = new Map<string, unknown>();
  for (let i = 0; i < numKeys; i++) {
    const key = reader.string(`key ${i}`, MAX.stringBytes);
    const field = label(key, `key ${i}`);
    if (entries.has(key)) throw reader.error(field, 'appears twice');
    entries.set(key, readValue(reader, reader.u32(field), field, 1));
  }
  return Object.fromEntries(entries);
}

/** A name in an error message, cut to a readable length. */
function label(name: string, ifEmpty: string): string {
  return name === '' ? ifEmpty : name.slice(0, 80);
}

type ReadValue = (reader: ByteReader, field: string) => unknown;

/** By the format's ids, with the least bytes that a value takes. */
const VALUE_TYPES: ReadonlyMap<number, { readonly bytes: number; readonly read: ReadValue }> = new Map([
  [0, { bytes: 1, read: (reader, field) => reader.u8(field) }],
  [1, { bytes: 1, read: (reader, field) => reader.i8(field) }],
  [2, { bytes: 2, read: (reader, field) => reader.u16(field) }],
  [3, { bytes: 2, read: (reader, field) => reader.i16(field) }],
  [4, { bytes: 4, read: (reader, field) => reader.u32(field) }],
  [5, { bytes: 4, read: (reader, field) => reader.i32(field) }],
  [6, { bytes: 4, read: (reader, field) => reader.f32(field) }],
  [7, { bytes: 1, read: readBoolean }],
  [8, { bytes: 8, read: (reader, field) => reader.string(field, MAX.stringBytes) }],
  [10, { bytes: 8, read: (reader, field) => safeInteger(reader, field, reader.u64(field)) }],
  [11, { bytes: 8, read: (reader, field) => safeInteger(reader, field, reader.i64(field)) }],
  [12, { bytes: 8, read: (reader, field) => reader.f64(field) }],
] as const);
const ARRAY = 9;

function readValue(reader: ByteReader, type: number, field: string, depth: number): unknown {
  if (type === ARRAY) return readArray(reader, field, depth);
  return valueType(reader, type, field).read(reader, field);
}

function valueType(reader: ByteReader, type: number, field: string) {
  const found = VALUE_TYPES.get(type);
  if (found === undefined) throw reader.error(field, `unknown type of value, ${type}`);
  return found;
}

/** u32 type, u64 length, items. */
function readArray(reader: ByteReader, field: string, depth: number): unknown[] {
  if (depth >= MAX.depth) throw reader.error(field, `lists nested deeper than ${MAX.depth}`);
  const type = reader.u32(field);
  const length = reader.count(field, MAX.items, type === ARRAY ? 12 : valueType(reader, type, field).bytes);
  const items: unknown[] = [];
  for (let i = 0; i < length; i++) items.push(readValue(reader, type, field, depth + 1));
  return items;
}

function readBoolean(reader: ByteReader, field: string): boolean {
  const value = reader.u8(field);
  if (value > 1) throw reader.error(field, `must be 0 or 1, is ${value}`);
  return value === 1;
}

function safeInteger(reader: ByteReader, field: string, value: bigint): number {
  if (BigInt.asIntN(54, value) === value) return Number(value);
  throw reader.error(field, `${value} is beyond 2^53`);
}

interface TensorEntry {
  readonly name: string;
  readonly type: GgufType;
  readonly shape: readonly number[];
  readonly bytes: bigint;
  /** From the start of the data. */
  readonly offset: bigint;
}

function readTensors(reader: ByteReader, count: number): TensorEntry[] {
  const names = new Set<string>();
  return Array.from({ length: count }, (_, i) => {
    const name = reader.string(`name of tensor ${i}`, MAX.stringBytes);
    const field = label(name, `tensor ${i}`);
    if (names.has(name)) throw reader.error(field, 'appears twice');
    names.add(name);
    return readTensor(reader, name, field);
  });
}

/** u32 dimensions, u64 sizes innermost first, u32 type, u64 offset. */
function readTensor(reader: ByteReader, name: string, field: string): TensorEntry {
  const numDims = reader.u32(field);
  if (numDims < 1 || numDims > MAX.dims) {
    throw reader.error(field, `${numDims} dimensions, but 1 to ${MAX.dims} are allowed`);
  }
  const dims = Array.from({ length: numDims }, () => reader.u64(field));
  const id = reader.u32(field);
  const type = typeOfId(id);
  if (type === null) {
    const known = Object.keys(GGUF_TYPES).join(', ');
    throw reader.error(field, `type ${id} is not read; known: ${known}`);
  }
  const bytes = tensorBytes(reader, field, type, dims);
  return { name, type, shape: dims.map(Number).reverse(), bytes, offset: reader.u64(field) };
}

/** Blocks do not cross rows. */
function tensorBytes(reader: ByteReader, field: string, type: GgufType, dims: readonly bigint[]): bigint {
  const block = GGUF_TYPES[type];
  if (dims.some((dim) => dim === 0n)) throw reader.error(field, 'a dimension is 0');
  if (dims[0] % BigInt(block.elements) !== 0n) {
    throw reader.error(field, `rows of ${dims[0]} weights, but ${type} has blocks of ${block.elements}`);
  }
  const elements = dims.reduce((product, dim) => product * dim, 1n);
  const bytes = (elements / BigInt(block.elements)) * BigInt(block.bytes);
  if (bytes <= BigInt(reader.source.size)) return bytes;
  throw reader.error(
    field,
    `${type} [${dims.slice().reverse()}] is larger than the file: it is cut off or damaged`,
  );
}

function placed(reader: ByteReader, tensor: TensorEntry, dataStart: number, alignment: number): GgufTensor {
  const { name, type, shape } = tensor;
  const field = `offset of ${name.slice(0, 80)}`;
  if (tensor.offset % BigInt(alignment) !== 0n) {
    throw reader.error(field, `${tensor.offset} is no multiple of the alignment, ${alignment}`);
  }
  const offset = BigInt(dataStart) + tensor.offset;
  if (offset + tensor.bytes > BigInt(reader.source.size)) {
    throw reader.error(
      field,
      `the data ends beyond byte ${reader.source.size}: the file is cut off or damaged`,
    );
  }
  return { name, type, file: reader.source.file, shape, offset: Number(offset), bytes: Number(tensor.bytes) };
}

function checkOverlaps({ file }: ByteSource, tensors: readonly GgufTensor[]): void {
  let end = 0;
  for (const tensor of [...tensors].sort((a, b) => a.offset - b.offset)) {
    if (tensor.offset < end) {
      throw new CheckpointError(file, `offset of ${tensor.name}`, 'overlaps the tensor before it');
    }
    end = tensor.offset + tensor.bytes;
  }
}

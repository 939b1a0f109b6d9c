import { CheckpointError } from '../errors.js';
import { DTYPE_BITS, type Dtype, tensorBytes } from './dtypes.js';
import { LENGTH_BYTES } from './safetensors-header.js';

/** A tensor before its elements are there. */
export interface TensorSpec {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
}

/** Where the tensors of a safetensors file lie. */
export interface SafetensorsLayout<T extends TensorSpec> {
  /** From the file's first byte to that of the first tensor. */
  readonly header: Uint8Array;
  /** In the order of the file, each with its position in it. */
  readonly tensors: readonly { readonly tensor: T; readonly position: number; readonly bytes: number }[];
  readonly fileBytes: number;
}

/**
 * Lays tensors out: wider types first, so that every tensor is aligned to its own elements, then by name. The same tensors and metadata give the
 * same bytes, in whatever order they come. Throws CheckpointError for a name that appears twice.
 * @param file named in errors
 */
export function layoutSafetensors<T extends TensorSpec>(
  file: string,
  tensors: readonly T[],
  metadata: Readonly<Record<string, string>>,
): SafetensorsLayout<T> {
  checkUnique(file, tensors);
  const sorted = [...tensors].sort(byWidthThenName);
  const sizes = sorted.map((tensor) => bytesOf(file, tensor));
  let end = 0;
  const ends = sizes.map((bytes) => {
    end += bytes;
    return end;
  });
  const header = buildHeader(sorted, ends, metadata);
  const placed = sorted.map((tensor, i) => ({
    tensor,
    position: header.length + ends[i] - sizes[i],
    bytes: sizes[i],
  }));
  return { header, tensors: placed, fileBytes: header.length + end };
}

/** Bytes of its elements. Throws CheckpointError where they are no whole number. */
export function bytesOf(file: string, { name, dtype, shape }: TensorSpec): number {
  const bytes = tensorBytes(dtype, shape);
  if (bytes !== null) return bytes;
  throw new CheckpointError(file, name, `${dtype} [${shape.join(', ')}] takes no whole number of bytes`);
}

function byWidthThenName(a: TensorSpec, b: TensorSpec): number {
  return DTYPE_BITS[b.dtype] - DTYPE_BITS[a.dtype] || compare(a.name, b.name);
}

/** By UTF-16 code unit, which does not depend on the locale. */
function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** u64 length, JSON, spaces up to a multiple of 8 bytes. */
function buildHeader(
  tensors: readonly TensorSpec[],
  ends: readonly number[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const entries: [string, unknown][] = [];
  const keys = Object.keys(metadata).sort(compare);
  if (keys.length > 0)
    entries.push(['__metadata__', Object.fromEntries(keys.map((key) => [key, metadata[key]]))]);
  tensors.forEach(({ name, dtype, shape }, i) => {
    entries.push([name, { dtype, shape, data_offsets: [ends[i - 1] ?? 0, ends[i]] }]);
  });
  const json = new TextEncoder().encode(writeObject(entries));
  const length = Math.ceil(json.length / 8) * 8;
  const header = new Uint8Array(LENGTH_BYTES + length).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(length), true);
  header.set(json, LENGTH_BYTES);
  return header;
}

/** JSON with the keys in the given order: an object would put keys that look like integers first. */
function writeObject(entries: readonly [string, unknown][]): string {
  return `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`;
}

function checkUnique(file: string, tensors: readonly TensorSpec[]): void {
  const names = new Set<string>(['__metadata__']);
  for (const { name } of tensors) {
    if (names.has(name)) throw new CheckpointError(file, name, 'appears twice, or is a reserved name');
    names.add(name);
  }
}

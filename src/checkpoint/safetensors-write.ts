import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { CheckpointError } from '../errors.js';
import { DTYPE_BITS, type Dtype, tensorBytes } from './dtypes.js';
import { LENGTH_BYTES } from './safetensors-header.js';

export interface TensorData {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Little-endian elements, row-major. */
  readonly data: ArrayBufferView;
}

/**
 * Writes a safetensors file. The same tensors and metadata give the same bytes, in whatever order they come: wider types first, so that
 * every tensor is aligned to its own elements, then by name. The file appears under its name only when it is complete.
 * Throws CheckpointError where a tensor's bytes do not match its shape.
 */
export async function writeSafetensors(
  file: string,
  tensors: readonly TensorData[],
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const sorted = [...tensors].sort(byWidthThenName);
  const header = buildHeader(file, sorted, metadata);
  const partial = `${file}.partial`;
  const handle = await open(partial, 'w');
  try {
    await writeAll(handle, header);
    for (const { data } of sorted) {
      await writeAll(handle, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
    await handle.close();
    await rename(partial, file);
  } catch (error) {
    await handle.close();
    await rm(partial, { force: true });
    throw error;
  }
}

function byWidthThenName(a: TensorData, b: TensorData): number {
  return DTYPE_BITS[b.dtype] - DTYPE_BITS[a.dtype] || compare(a.name, b.name);
}

/** By UTF-16 code unit, which does not depend on the locale. */
function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** u64 length, JSON, spaces up to a multiple of 8 bytes. */
function buildHeader(
  file: string,
  tensors: readonly TensorData[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const entries: [string, unknown][] = [];
  const keys = Object.keys(metadata).sort(compare);
  if (keys.length > 0)
    entries.push(['__metadata__', Object.fromEntries(keys.map((key) => [key, metadata[key]]))]);
  let position = 0;
  for (const tensor of tensors) {
    const end = position + checkedBytes(file, tensor);
    entries.push([tensor.name, { dtype: tensor.dtype, shape: tensor.shape, data_offsets: [position, end] }]);
    position = end;
  }
  checkUnique(file, tensors);
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

function checkedBytes(file: string, { name, dtype, shape, data }: TensorData): number {
  const bytes = tensorBytes(dtype, shape);
  if (bytes === data.byteLength) return bytes;
  throw new CheckpointError(file, name, `${data.byteLength} bytes given for ${dtype} [${shape.join(', ')}]`);
}

function checkUnique(file: string, tensors: readonly TensorData[]): void {
  const names = new Set<string>(['__metadata__']);
  for (const { name } of tensors) {
    if (names.has(name)) throw new CheckpointError(file, name, 'appears twice, or is a reserved name');
    names.add(name);
  }
}

/** A single write may be short, and is limited to 2^31 − 1 bytes. */
async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  const maxChunk = 2 ** 30;
  let offset = 0;
  while (offset < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, offset, Math.min(maxChunk, bytes.length - offset));
    offset += bytesWritten;
  }
}

import { constants } from 'node:buffer';
import { type FileHandle, open } from 'node:fs/promises';
import { CheckpointError } from '../errors.js';
import { bf16ToF32, f16ToF32 } from '../quant/half.js';
import { findWeights, type WeightFiles } from './directory.js';
import { fileError } from './json.js';
import { headerLength, LENGTH_BYTES, parseHeader, type TensorInfo } from './safetensors-header.js';

export type { TensorInfo } from './safetensors-header.js';

export interface RawTensor {
  readonly info: TensorInfo;
  /** Little-endian elements, row-major, at the start of a buffer of their own. */
  readonly data: Uint8Array<ArrayBuffer>;
}

/** Rows `start … start + count − 1` of a tensor: the first of its sizes. */
export interface RowRange {
  readonly start: number;
  readonly count: number;
}

/** Tensors of a model, read one at a time by position, whole or by rows. */
export interface Checkpoint {
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** `__metadata__` of all files together. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Rejects with CheckpointError where there is no such tensor or the file ends early. */
  read(name: string, rows?: RowRange): Promise<RawTensor>;
  /** As `read`, with F16 and BF16 widened to f32. Rejects where the tensor is of another type. */
  readF32(name: string, rows?: RowRange): Promise<Float32Array<ArrayBuffer>>;
  close(): Promise<void>;
}

/** Opens the weights of a model directory: one safetensors file, or the shards that `model.safetensors.index.json` names. */
export async function openCheckpoint(dir: string): Promise<Checkpoint> {
  return openFiles(dir, await findWeights(dir));
}

/** Opens one safetensors file. */
export async function openSafetensors(file: string): Promise<Checkpoint> {
  return openFiles(file, { files: [file], index: null });
}

interface OpenFile {
  readonly handle: FileHandle;
  readonly tensors: readonly TensorInfo[];
  readonly metadata: ReadonlyMap<string, string>;
}

/** @param source named in errors about tensors that are nowhere */
async function openFiles(source: string, weights: WeightFiles): Promise<Checkpoint> {
  const opened = new Map<string, OpenFile>();
  try {
    for (const file of weights.files) opened.set(file, await openFile(file));
    const tensors = selectTensors([...opened.values()], weights);
    return checkpointOf(weights.index?.file ?? source, tensors, opened);
  } catch (error) {
    await closeAll(opened);
    throw error;
  }
}

async function closeAll(opened: ReadonlyMap<string, OpenFile>): Promise<void> {
  for (const { handle } of opened.values()) await handle.close();
}

async function openFile(file: string): Promise<OpenFile> {
  const handle = await open(file, 'r').catch((error: unknown) => {
    throw fileError(file, error);
  });
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw new CheckpointError(file, 'file', 'not a regular file');
    const prefix = await readAt(handle, file, 0, Math.min(LENGTH_BYTES, stats.size));
    const length = headerLength(prefix, file, stats.size);
    const json = await readAt(handle, file, LENGTH_BYTES, length);
    return { handle, ...parseHeader(json, file, stats.size) };
  } catch (error) {
    await handle.close();
    throw fileError(file, error);
  }
}

/** The index decides which file's tensor counts; a tensor that it does not list is not part of the model. */
function selectTensors(opened: readonly OpenFile[], { index }: WeightFiles): Map<string, TensorInfo> {
  const found = opened.flatMap((file) => file.tensors);
  if (index === null) return new Map(found.map((tensor) => [tensor.name, tensor]));
  const listed = found.filter((tensor) => index.tensors.get(tensor.name) === tensor.file);
  const tensors = new Map(listed.map((tensor) => [tensor.name, tensor]));
  for (const [name, file] of index.tensors) {
    if (!tensors.has(name)) throw new CheckpointError(index.file, `weight_map.${name}`, `not in ${file}`);
  }
  return tensors;
}

function checkpointOf(
  source: string,
  tensors: ReadonlyMap<string, TensorInfo>,
  opened: ReadonlyMap<string, OpenFile>,
): Checkpoint {
  const read = async (name: string, rows?: RowRange): Promise<RawTensor> => {
    const info = tensors.get(name);
    const file = info === undefined ? undefined : opened.get(info.file);
    if (info === undefined || file === undefined) throw new CheckpointError(source, name, 'no such tensor');
    return { info, data: await readTensor(file.handle, info, rows) };
  };
  return {
    tensors,
    metadata: new Map([...opened.values()].flatMap((file) => [...file.metadata])),
    read,
    readF32: async (name, rows) => widen(await read(name, rows)),
    close: () => closeAll(opened),
  };
}

/** Bytes of a tensor, or of some of its rows. Rejects with CheckpointError. */
export async function readTensor(
  handle: FileHandle,
  info: TensorInfo,
  rows: RowRange = { start: 0, count: info.shape[0] ?? 1 },
): Promise<Uint8Array<ArrayBuffer>> {
  const rowBytes = info.bytes / Math.max(1, info.shape[0] ?? 1);
  const bytes = rowBytes * rows.count;
  if (bytes > constants.MAX_LENGTH) {
    throw new CheckpointError(
      info.file,
      info.name,
      `${bytes} bytes, more than one buffer of this Node holds`,
    );
  }
  try {
    return await readAt(handle, info.file, info.offset + rowBytes * rows.start, bytes);
  } catch (error) {
    throw fileError(info.file, error);
  }
}

/** Reads exactly `length` bytes. One read may be short, and is limited to 2^31 − 1 bytes. */
async function readAt(
  handle: FileHandle,
  file: string,
  position: number,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const maxChunk = 2 ** 30;
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle.read(bytes, done, Math.min(maxChunk, length - done), position + done);
    if (bytesRead === 0) throw new CheckpointError(file, `byte ${position + done}`, 'the file ends early');
    done += bytesRead;
  }
  return bytes;
}

/** F32, F16 or BF16 elements as f32. Throws CheckpointError for others. */
export function widen({ info, data }: RawTensor): Float32Array<ArrayBuffer> {
  if (info.dtype === 'F32') return new Float32Array(data.buffer);
  if (info.dtype !== 'F16' && info.dtype !== 'BF16') {
    throw new CheckpointError(info.file, info.name, `${info.dtype}, but F32, F16 or BF16 is needed here`);
  }
  const halves = new Uint16Array(data.buffer);
  const values = new Float32Array(halves.length);
  if (info.dtype === 'F16') f16ToF32(halves, values);
  else bf16ToF32(halves, values);
  return values;
}

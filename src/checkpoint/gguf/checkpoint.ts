import { type FileHandle, open } from 'node:fs/promises';
import { CheckpointError } from '../../errors.js';
import type { PackedWeight } from '../../quant/weight.js';
import {
  type Checkpoint,
  type RawTensor,
  type RowRange,
  readTensor,
  type TensorInfo,
  widen,
} from '../checkpoint.js';
import { fileError } from '../json.js';
import type { GgufHeader, GgufTensor } from './header.js';
import { readGgufModel } from './parts.js';
import { dequantizeBlocks, packBlocks, packedFormat } from './repack.js';
import { numHeadsToRestore, restoreRows } from './rows.js';
import { type BlockType, isBlockType } from './types.js';

/** The tensors of a GGUF file, with rows of Q and K in the order that the model means. */
export interface GgufCheckpoint extends Checkpoint {
  /** A matrix of blocks in the canonical layout, or some of its rows; null for plain floats. */
  readonly stored: (name: string, rows?: RowRange) => Promise<PackedWeight | null>;
  readonly storesRows: true;
}

/** Opens a GGUF file with all its parts. Rejects with CheckpointError. @param header where it has been read before */
export async function openGguf(
  file: string,
  header: GgufHeader = readGgufModel(file),
): Promise<GgufCheckpoint> {
  const tensors = new Map(header.tensors.map((tensor) => [tensor.name, tensorInfo(tensor)]));
  const handles = await openAll([file, ...header.tensors.map((tensor) => tensor.file)]);
  const read = async (name: string, rows?: RowRange): Promise<RawTensor> => {
    const info = tensors.get(name);
    const handle = info === undefined ? undefined : handles.get(info.file);
    if (info === undefined || handle === undefined) throw new CheckpointError(file, name, 'no such tensor');
    return { info, data: await readRows(handle, header, info, rows) };
  };
  return {
    tensors,
    metadata: new Map(),
    read,
    readF32: async (name, rows) => toF32(await read(name, rows)),
    stored: async (name, rows) => {
      const { dtype } = tensors.get(name) ?? {};
      return dtype !== undefined && isBlockType(dtype) ? toPacked(dtype, await read(name, rows), rows) : null;
    },
    storesRows: true,
    close: () => closeAll(handles),
  };
}

async function openAll(files: readonly string[]): Promise<ReadonlyMap<string, FileHandle>> {
  const handles = new Map<string, FileHandle>();
  try {
    for (const file of new Set(files)) handles.set(file, await openFile(file));
    return handles;
  } catch (error) {
    await closeAll(handles);
    throw error;
  }
}

async function openFile(file: string): Promise<FileHandle> {
  return open(file, 'r').catch((error: unknown) => {
    throw fileError(file, error);
  });
}

async function closeAll(handles: ReadonlyMap<string, FileHandle>): Promise<void> {
  for (const handle of handles.values()) await handle.close();
}

function tensorInfo({ name, type, file, shape, offset, bytes }: GgufTensor): TensorInfo {
  const info = { name, dtype: type, shape, file, offset, bytes };
  return isBlockType(type) ? { ...info, format: packedFormat(type) } : info;
}

async function readRows(
  handle: FileHandle,
  header: GgufHeader,
  info: TensorInfo,
  rows: RowRange = { start: 0, count: info.shape[0] },
): Promise<Uint8Array<ArrayBuffer>> {
  const numHeads = numHeadsToRestore(header.metadata, info.name);
  if (numHeads === null) return readTensor(handle, info, rows);
  const [numRows] = info.shape;
  if (numRows % (2 * numHeads) !== 0) {
    throw new CheckpointError(info.file, info.name, `${numRows} rows are not ${numHeads} heads of even size`);
  }
  const rowBytes = info.bytes / numRows;
  const dim = numRows / numHeads;
  const firstHead = Math.floor(rows.start / dim);
  const heads = Math.ceil((rows.start + rows.count) / dim) - firstHead;
  const data = await readTensor(handle, info, { start: firstHead * dim, count: heads * dim });
  const from = (rows.start - firstHead * dim) * rowBytes;
  return restoreRows(data, rowBytes, heads * dim, heads).slice(from, from + rows.count * rowBytes);
}

function toF32(tensor: RawTensor): Float32Array<ArrayBuffer> {
  const { dtype } = tensor.info;
  return isBlockType(dtype) ? dequantizeBlocks(dtype, tensor.data) : widen(tensor);
}

function toPacked(type: BlockType, { info, data }: RawTensor, range?: RowRange): PackedWeight {
  const cols = info.shape[info.shape.length - 1];
  const [outer, ...inner] = info.shape.slice(0, -1);
  const rows = inner.reduce((product, size) => product * size, range?.count ?? outer ?? 1);
  return packBlocks(type, data, rows, cols);
}

import { type FileHandle, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CheckpointError } from '../../errors.js';
import { INDEX } from '../directory.js';
import { bytesOf, layoutSafetensors, type TensorSpec } from '../safetensors-layout.js';
import { writeAt } from '../safetensors-write.js';

/** Readers of PyTorch's world ask for it. */
const METADATA = { format: 'pt' };

/** Where the tensors of a file lie, of whatever kind it is. */
export interface FileLayout {
  /** From the file's first byte to that of the first tensor. */
  readonly header: Uint8Array;
  readonly tensors: readonly {
    readonly tensor: { readonly name: string };
    readonly position: number;
    readonly bytes: number;
  }[];
  readonly fileBytes: number;
}

export interface NamedData {
  readonly name: string;
  /** Little-endian, row-major. */
  readonly data: ArrayBufferView;
}

/** The files that a model's tensors go to, laid out before any of them is there. */
export interface ShardPlan {
  readonly files: readonly { readonly name: string; readonly layout: FileLayout }[];
  readonly totalBytes: number;
  /** Text of `model.safetensors.index.json`; null where one file holds all. */
  readonly index: string | null;
}

/** One file, or several of at most `maxBytes` of tensors each, in the order given; a tensor that is larger has a file of its own. */
export function planShards(tensors: readonly TensorSpec[], maxBytes: number): ShardPlan {
  const shards: TensorSpec[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const tensor of tensors) {
    const more = bytesOf('model.safetensors', tensor);
    if (bytes + more > maxBytes) {
      shards.push([]);
      bytes = 0;
    }
    shards[shards.length - 1].push(tensor);
    bytes += more;
  }
  const files = shards.map((shard, i) => {
    const name = shardName(i, shards.length);
    return { name, layout: layoutSafetensors(name, shard, METADATA) };
  });
  return {
    files,
    totalBytes: files.reduce((sum, { layout }) => sum + layout.fileBytes, 0),
    index: files.length > 1 ? indexText(files) : null,
  };
}

function shardName(index: number, count: number): string {
  const digits = (value: number) => String(value).padStart(5, '0');
  return count === 1 ? 'model.safetensors' : `model-${digits(index + 1)}-of-${digits(count)}.safetensors`;
}

function indexText(files: ShardPlan['files']): string {
  const entries = files.flatMap(({ name, layout }) =>
    layout.tensors.map(({ tensor }) => [tensor.name, name]),
  );
  const bytes = files.flatMap(({ layout }) => layout.tensors).reduce((sum, tensor) => sum + tensor.bytes, 0);
  const index = { metadata: { total_size: bytes }, weight_map: Object.fromEntries(entries) };
  return `${JSON.stringify(index, null, 2)}\n`;
}

interface Place {
  readonly file: string;
  readonly handle: FileHandle;
  readonly position: number;
  readonly bytes: number;
}

/** Writes tensors to the places that a plan gives them, in any order, also over what an earlier run left there. */
export class ShardWriter {
  private constructor(
    readonly handles: readonly FileHandle[],
    readonly places: ReadonlyMap<string, Place>,
  ) {}

  /** Creates the files of full length with their headers, and their index. Rejects where the folder cannot be written. */
  static async open(dir: string, plan: ShardPlan): Promise<ShardWriter> {
    const handles: FileHandle[] = [];
    const places = new Map<string, Place>();
    if (plan.index !== null) await writeFile(join(dir, INDEX), plan.index);
    try {
      for (const { name, layout } of plan.files) {
        const file = join(dir, name);
        const handle = await openAnew(file);
        handles.push(handle);
        await writeAt(handle, layout.header, 0);
        await handle.truncate(layout.fileBytes);
        for (const { tensor, position, bytes } of layout.tensors)
          places.set(tensor.name, { file, handle, position, bytes });
      }
      return new ShardWriter(handles, places);
    } catch (error) {
      await closeAll(handles);
      throw error;
    }
  }

  /** Resolves when the tensors are on the disk. Rejects with CheckpointError where data is not as long as its place. */
  async write(tensors: readonly NamedData[]): Promise<void> {
    const touched = new Set<FileHandle>();
    for (const { name, data } of tensors) {
      const place = this.places.get(name);
      if (place === undefined) throw new RangeError(`${name} is not in the plan`);
      if (data.byteLength !== place.bytes)
        throw new CheckpointError(place.file, name, `${data.byteLength} bytes given for ${place.bytes}`);
      await writeAt(place.handle, data, place.position);
      touched.add(place.handle);
    }
    for (const handle of touched) await handle.datasync();
  }

  close(): Promise<void> {
    return closeAll(this.handles);
  }
}

/** What the file holds stays. */
async function openAnew(file: string): Promise<FileHandle> {
  const handle = await open(file, 'a');
  await handle.close();
  return open(file, 'r+');
}

async function closeAll(handles: readonly FileHandle[]): Promise<void> {
  for (const handle of handles) await handle.close();
}

import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { CheckpointError } from '../errors.js';
import { bytesOf, layoutSafetensors, type TensorSpec } from './safetensors-layout.js';

export interface TensorData extends TensorSpec {
  /** Little-endian elements, row-major. */
  readonly data: ArrayBufferView;
}

/**
 * Writes a safetensors file. The same tensors and metadata give the same bytes, in whatever order they come (`layoutSafetensors`). The file appears
 * under its name only when it is complete. Throws CheckpointError where a tensor's bytes do not match its shape.
 */
export async function writeSafetensors(
  file: string,
  tensors: readonly TensorData[],
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  for (const tensor of tensors) checkBytes(file, tensor);
  const layout = layoutSafetensors(file, tensors, metadata);
  const partial = `${file}.partial`;
  const handle = await open(partial, 'w');
  try {
    await writeAt(handle, layout.header, 0);
    for (const { tensor, position } of layout.tensors) await writeAt(handle, tensor.data, position);
    await handle.close();
    await rename(partial, file);
  } catch (error) {
    await handle.close();
    await rm(partial, { force: true });
    throw error;
  }
}

/** Throws CheckpointError where the data does not fill the shape. */
function checkBytes(file: string, tensor: TensorData): void {
  const { name, dtype, shape, data } = tensor;
  if (bytesOf(file, tensor) === data.byteLength) return;
  throw new CheckpointError(file, name, `${data.byteLength} bytes given for ${dtype} [${shape.join(', ')}]`);
}

/** Writes all of `data` from `position` on. A single write may be short, and is limited to 2^31 − 1 bytes. */
export async function writeAt(handle: FileHandle, data: ArrayBufferView, position: number): Promise<void> {
  const maxChunk = 2 ** 30;
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  let done = 0;
  while (done < bytes.length) {
    const length = Math.min(maxChunk, bytes.length - done);
    done += (await handle.write(bytes, done, length, position + done)).bytesWritten;
  }
}

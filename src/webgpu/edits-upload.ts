import { editedRows, editsLength, grownLength, MIN_EDITS_WORDS, writeEdits } from '../ops/edits-layout.js';
import type { BatchBuffers, SamplingRow } from '../ops/ops.js';
import type { BufferPool } from './buffers.js';

type Edits = BatchBuffers<GPUBuffer>['edits'];

/** Room for the edits of a step, 16 KiB at first. */
export function createEdits(buffers: BufferPool, numWords = MIN_EDITS_WORDS): Edits {
  const words = new Uint32Array(numWords);
  return { words, data: buffers.storage(words.byteLength, 'activations') };
}

/** Sends the edits of the rows that have any. Returns the room that holds them: `edits`, or a larger one in its place. */
export function uploadEdits(
  device: GPUDevice,
  buffers: BufferPool,
  edits: Edits,
  sampling: readonly SamplingRow[],
): Edits {
  const edited = editedRows(sampling);
  if (edited.length === 0) return edits;
  const length = editsLength(edited);
  const target = withRoom(buffers, edits, length);
  writeEdits(edited, target.words);
  device.queue.writeBuffer(target.data, 0, target.words, 0, length);
  return target;
}

function withRoom(buffers: BufferPool, edits: Edits, length: number): Edits {
  const numWords = grownLength(edits.words.length, length);
  if (numWords === edits.words.length) return edits;
  buffers.free(edits.data, 'activations');
  return createEdits(buffers, numWords);
}

import type { Fields } from '../fields.js';

/** Values of `general.architecture` whose Q and K llama.cpp's converter reorders. */
const REORDERED: ReadonlySet<string> = new Set(['llama', 'granite', 'smollm3']);
const HEADS = { min: 1, max: 2 ** 24 };

/** Whether rows of Q and K have another order in files of an architecture. */
export function reordersRows(architecture: string): boolean {
  return REORDERED.has(architecture);
}

/** Row i of such a matrix in the file is row `pairedRows(…)[i]` of the model: the reverse of `restoreRows`. */
export function pairedRows(numRows: number, numHeads: number): readonly number[] {
  const dim = numRows / numHeads;
  return Array.from({ length: numRows }, (_, row) => {
    const inHead = row % dim;
    return row - inHead + (inHead % 2) * (dim / 2) + Math.floor(inHead / 2);
  });
}

/** Heads of a matrix or bias whose rows the converter has reordered; null for every other tensor. Throws CheckpointError. */
export function numHeadsToRestore(metadata: Fields, tensor: string): number | null {
  const [, module] = /^blk\.\d+\.attn_([qk])\.(?:weight|bias)$/.exec(tensor) ?? [];
  const architecture = metadata.string('general.architecture');
  if (module === undefined || !reordersRows(architecture)) return null;
  const numHeads = metadata.integer(`${architecture}.attention.head_count`, HEADS);
  return module === 'q'
    ? numHeads
    : metadata.integer(`${architecture}.attention.head_count_kv`, HEADS, numHeads);
}

/**
 * Undoes the order of rows that llama.cpp's converter gives Q and K of the llama architecture, where the two halves of a head's rotation
 * alternate. Row `head·dim + 2i + j` of the file is row `head·dim + j·dim/2 + i` of the model.
 * @param rowBytes rows are whole blocks, so they move without being read; @param numRows a multiple of 2 · numHeads
 */
export function restoreRows(
  data: Uint8Array<ArrayBuffer>,
  rowBytes: number,
  numRows: number,
  numHeads: number,
): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(data.length);
  for (const [row, to] of pairedRows(numRows, numHeads).entries())
    out.set(data.subarray(row * rowBytes, (row + 1) * rowBytes), to * rowBytes);
  return out;
}

import { FLOAT_FORMATS, type FloatType } from './formats.js';
import { BLOCK_CODES, blocksPerRow, type PackedWeight } from './weight.js';

/** Bytes of a checkpoint's tensor; little-endian, as is every machine that runs Node on a GPU. */
export type RawValues = Uint8Array | Uint16Array | Uint32Array | Float32Array;

/**
 * Repacks a checkpoint's floats, row-major `[rows][cols]`, without changing a bit of them.
 * Where no row needs padding the result shares the memory of `values`.
 * Throws RangeError where the bytes are not rows · cols elements.
 */
export function packFloat(values: RawValues, type: FloatType, rows: number, cols: number): PackedWeight {
  const format = FLOAT_FORMATS[type];
  const bytesPerElement = format.bits / 8;
  if (values.byteLength !== rows * cols * bytesPerElement) {
    throw new RangeError(`${values.byteLength} bytes are not a ${type} matrix [${rows}, ${cols}]`);
  }
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const padded = blocksPerRow(cols) * BLOCK_CODES;
  const codes =
    padded === cols ? asWords(bytes) : padRows(bytes, cols * bytesPerElement, padded * bytesPerElement);
  return { format, rows, cols, codes, scales: null, zeros: null };
}

function asWords(bytes: Uint8Array): Uint32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
}

function padRows(bytes: Uint8Array, rowBytes: number, paddedBytes: number): Uint32Array {
  const rows = bytes.length / rowBytes;
  const out = new Uint8Array(rows * paddedBytes);
  for (let n = 0; n < rows; n++) out.set(bytes.subarray(n * rowBytes, (n + 1) * rowBytes), n * paddedBytes);
  return new Uint32Array(out.buffer);
}

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
  const padded = padRows(bytes, rows, blocksPerRow(cols) * BLOCK_CODES * bytesPerElement);
  const codes = new Uint32Array(padded.buffer, padded.byteOffset, padded.byteLength / 4);
  return { format, rows, cols, codes, scales: null, zeros: null };
}

/** `[rows]` of bytes as rows of `rowBytes`, those that are missing 0, from a multiple of 4 on. Rows that need none share the memory. */
export function padRows(bytes: Uint8Array, rows: number, rowBytes: number): Uint8Array {
  const given = bytes.length / rows;
  if (given === rowBytes && bytes.byteOffset % 4 === 0) return bytes;
  const out = new Uint8Array(rows * rowBytes);
  for (let n = 0; n < rows; n++) out.set(bytes.subarray(n * given, (n + 1) * given), n * rowBytes);
  return out;
}

import { scaleAt } from './affine.js';
import { getBits } from './bits.js';
import type { Reader } from './reader.js';
import { BLOCK_CODES, blocksPerRow, groupsPerRow } from './weight.js';

/** What each byte stands for: E4M3 has no infinity and NaN at 127 and 255, E5M2 is the upper half of an f16 (OCP 8-bit Floating Point, 5.1). */
export function fp8Values(mantissaBits: 2 | 3): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: 256 }, (_, code) => fp8Value(code, mantissaBits));
}

function fp8Value(code: number, mantissaBits: 2 | 3): number {
  const sign = code < 128 ? 1 : -1;
  const steps = 2 ** mantissaBits;
  const exponent = (code & 127) >>> mantissaBits;
  const mantissa = code & (steps - 1);
  const bias = mantissaBits === 3 ? 7 : 15;
  if (mantissaBits === 3 && (code & 127) === 127) return Number.NaN;
  if (mantissaBits === 2 && exponent === 31) return mantissa === 0 ? sign / 0 : Number.NaN;
  if (exponent === 0) return sign * (mantissa / steps) * 2 ** (1 - bias);
  return sign * (1 + mantissa / steps) * 2 ** (exponent - bias);
}

/** Floats of 8 bits, four per word, with a scale per group: W = value · scale. */
export function fp8Reader(mantissaBits: 2 | 3): Reader {
  const values = fp8Values(mantissaBits);
  return {
    bits: 8,
    decodeRow(weight, row, out) {
      const { format, cols, codes } = weight;
      const groups = groupsPerRow(format, cols);
      const rowStart = row * blocksPerRow(cols) * BLOCK_CODES;
      for (let k = 0; k < cols; k++) {
        const scale = scaleAt(weight, row * groups + Math.floor(k / (format.groupSize ?? cols)));
        out[k] = values[getBits(codes, rowStart + k, 8)] * scale;
      }
    },
  };
}

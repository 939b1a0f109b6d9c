import type { TableName } from './weight.js';

const FP4_TWELFTHS = [0, 0.0625, 8, 12, 4, 6, 2, 3];

/**
 * What 4-bit codes stand for. `nf4`: quantiles of a normal distribution (Dettmers et al., arXiv 2305.14314), as bitsandbytes writes them;
 * `fp4`: its floats of one sign bit; `iq4`: that of GGUF's IQ4_NL and IQ4_XS; `mxfp4`: twice the values of E2M1, a sign above two bits of
 * exponent and one of mantissa (OCP Microscaling Formats, 5.3.3), so that the scale 2^(e − 128) has every byte's exponent in f32.
 */
export const TABLES: Readonly<Record<TableName, Float32Array>> = {
  nf4: Float32Array.of(
    -1,
    -0.6961928009986877,
    -0.5250730514526367,
    -0.39491748809814453,
    -0.28444138169288635,
    -0.18477343022823334,
    -0.09105003625154495,
    0,
    0.07958029955625534,
    0.16093020141124725,
    0.24611230194568634,
    0.33791524171829224,
    0.44070982933044434,
    0.5626170039176941,
    0.7229568362236023,
    1,
  ),
  fp4: Float32Array.from([...FP4_TWELFTHS, ...FP4_TWELFTHS.map((value) => -value)], (value) => value / 12),
  iq4: Float32Array.of(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113),
  mxfp4: Float32Array.of(0, 1, 2, 3, 4, 6, 8, 12, -0, -1, -2, -3, -4, -6, -8, -12),
};

/** Of `tablePairs`. */
export const TABLE_BYTES = 256 * 2 * 4;

/** For each byte what its two codes stand for, the low nibble's first: `[256][2]`. */
export function tablePairs(name: TableName): Float32Array<ArrayBuffer> {
  const table = TABLES[name];
  return Float32Array.from({ length: 512 }, (_, i) => table[(i >> (i % 2 === 0 ? 1 : 5)) & 15]);
}

/**
 * The 16-bit floats as raw bits: IEEE 754 binary16 (f16: 1 sign, 5 exponent, 10 mantissa bits) and bfloat16 (the upper half of an f32).
 * Widening is exact. Narrowing rounds to nearest, ties to even; what is beyond the largest finite value becomes infinity; NaN stays NaN.
 */

const F32_EXPONENT = 0x7f800000;
/** 65520 as f32 bits: halfway from the largest f16 to the next power of two, the first value that rounds to infinity. */
const F16_OVERFLOW = 0x477ff000;
/** 2^-14 as f32 bits, the smallest normal f16. */
const F16_MIN_NORMAL = 0x38800000;
/** Difference of the exponent biases, 127 − 15, in an f32's exponent field. */
const BIAS_DIFFERENCE = 112 << 23;

/** f16 bits to f32 bits. */
function widenF16(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = half & 0x7c00;
  const magnitude = (half & 0x7fff) << 13;
  if (exponent === 0x7c00) return sign | F32_EXPONENT | magnitude;
  if (exponent !== 0) return sign | (magnitude + BIAS_DIFFERENCE);
  return sign | widenSubnormal(half & 0x3ff);
}

/** mantissa · 2^-24 as f32 bits, where every f16 subnormal is normal. */
function widenSubnormal(mantissa: number): number {
  if (mantissa === 0) return 0;
  const topBit = 31 - Math.clz32(mantissa);
  return ((topBit - 24 + 127) << 23) | ((mantissa << (23 - topBit)) & 0x7fffff);
}

/** f32 bits to f16 bits. */
function narrowToF16(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > F32_EXPONENT) return sign | 0x7e00 | ((magnitude >>> 13) & 0x3ff);
  if (magnitude >= F16_OVERFLOW) return sign | 0x7c00;
  if (magnitude < F16_MIN_NORMAL) return sign | narrowToSubnormal(magnitude);
  return sign | ((magnitude - BIAS_DIFFERENCE + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
}

/** Rounds an f32 below 2^-14 to a multiple of 2^-24. */
function narrowToSubnormal(magnitude: number): number {
  const shift = 126 - (magnitude >>> 23);
  if (shift > 24) return 0;
  const mantissa = (magnitude & 0x7fffff) | 0x800000;
  const half = 1 << (shift - 1);
  const quotient = mantissa >>> shift;
  const remainder = mantissa & ((1 << shift) - 1);
  const roundUp = remainder > half || (remainder === half && (quotient & 1) === 1);
  return roundUp ? quotient + 1 : quotient;
}

/** f32 bits to bf16 bits. */
function narrowToBf16(bits: number): number {
  if ((bits & 0x7fffffff) > F32_EXPONENT) return (bits >>> 16) | 0x40;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

function wordsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}

/** `out[i]` = the f16 `halves[i]`, exactly. */
export function f16ToF32(halves: Uint16Array, out: Float32Array): void {
  const words = wordsOf(out);
  for (let i = 0; i < halves.length; i++) words[i] = widenF16(halves[i]);
}

/** `out[i]` = bits of the f16 nearest to `values[i]`. */
export function f32ToF16(values: Float32Array, out: Uint16Array): void {
  const words = wordsOf(values);
  for (let i = 0; i < words.length; i++) out[i] = narrowToF16(words[i]);
}

/** `out[i]` = the bf16 `halves[i]`, exactly. */
export function bf16ToF32(halves: Uint16Array, out: Float32Array): void {
  const words = wordsOf(out);
  for (let i = 0; i < halves.length; i++) words[i] = halves[i] << 16;
}

/** `out[i]` = bits of the bf16 nearest to `values[i]`. */
export function f32ToBf16(values: Float32Array, out: Uint16Array): void {
  const words = wordsOf(values);
  for (let i = 0; i < words.length; i++) out[i] = narrowToBf16(words[i]);
}

const SUBNORMAL = 2 ** -24;
/** By an f16's exponent field, what one of its last bits stands for. A look-up: a power takes longer than all else. */
const POWERS: readonly number[] = Array.from({ length: 32 }, (_, exponent) => 2 ** (exponent - 25));

/** The value of one f16, from its bits and without allocation. */
export function f16Value(half: number): number {
  const sign = (half & 0x8000) === 0 ? 1 : -1;
  const exponent = (half >>> 10) & 31;
  const mantissa = half & 0x3ff;
  if (exponent === 31) return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * mantissa * SUBNORMAL;
  return sign * (1024 + mantissa) * POWERS[exponent];
}

/** Bits of the f16 nearest to a number, which is first rounded to f32. */
export function f16Bits(value: number): number {
  return f16Rounder()(value);
}

/** `f16Bits` for use in a loop: it allocates once. */
export function f16Rounder(): (value: number) => number {
  const scratch = new Float32Array(1);
  const words = wordsOf(scratch);
  return (value) => {
    scratch[0] = value;
    return narrowToF16(words[0]);
  };
}

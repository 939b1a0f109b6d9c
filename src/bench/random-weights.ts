import { wordsFor } from '../quant/bits.js';
import { formatName } from '../quant/formats.js';
import { f16Rounder } from '../quant/half.js';
import {
  BLOCK_CODES,
  blocksPerRow,
  groupsPerRow,
  type PackedWeight,
  type WeightFormat,
} from '../quant/weight.js';

/** Random words in order (xorshift32: Marsaglia, "Xorshift RNGs", 2003), fast enough for gigabytes. */
export class RandomWords {
  #state: number;

  constructor(seed: number) {
    // Zero would stay zero.
    this.#state = (Math.imul(seed, 0x9e3779b1) | 1) >>> 0;
  }

  fill(out: Uint32Array): Uint32Array {
    let state = this.#state;
    for (let i = 0; i < out.length; i++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      out[i] = state;
    }
    this.#state = state;
    return out;
  }
}

/** Values in [−1, 1). */
export function randomValues(random: RandomWords, length: number): Float32Array<ArrayBuffer> {
  const words = random.fill(new Uint32Array(length));
  return Float32Array.from(words, (word) => word / 2 ** 31 - 1);
}

/** Root mean square of a layer's outputs where its inputs have one of 1: small enough that no sum of layers leaves the range of f16. */
const GAIN = 0.5;

/**
 * A weight of random codes, packed at once with nothing rounded. Its values have mean 0 (integer formats: up to half a step off)
 * and a root mean square of GAIN / sqrt(cols). Throws RangeError where `cols` is no multiple of 32.
 */
export function randomPacked(
  random: RandomWords,
  format: WeightFormat,
  rows: number,
  cols: number,
): PackedWeight {
  if (cols % BLOCK_CODES !== 0) throw new RangeError(`${cols} columns are no multiple of ${BLOCK_CODES}`);
  const codes = random.fill(new Uint32Array(rows * blocksPerRow(cols) * format.bits));
  const rms = GAIN / Math.sqrt(cols);
  const numGroups = rows * groupsPerRow(format, cols);
  if (format.scaleType === null) maskFloats(codes, format, rms);
  return {
    format,
    rows,
    cols,
    codes,
    scales: format.scaleType === null ? null : randomScales(random, format, numGroups, rms),
    zeros: format.zeroPoints ? randomZeros(random, format, numGroups) : null,
  };
}

/** Bits of the sign and mantissa of each element, which stay random; the exponent of all is that of the power of two at or below `rms`. */
const FLOAT_BITS: Readonly<Record<string, { mask: number; bias: number; mantissaBits: number }>> = {
  f32: { mask: 0x807fffff, bias: 127, mantissaBits: 23 },
  f16: { mask: 0x83ff83ff, bias: 15, mantissaBits: 10 },
  bf16: { mask: 0x807f807f, bias: 127, mantissaBits: 7 },
};

function maskFloats(codes: Uint32Array, format: WeightFormat, rms: number): void {
  const layout = FLOAT_BITS[format.reader];
  if (layout === undefined) throw new RangeError(`${formatName(format)} is no float format`);
  const element = (Math.floor(Math.log2(rms)) + layout.bias) << layout.mantissaBits;
  const exponents = format.bits === 16 ? element | (element << 16) : element;
  for (let i = 0; i < codes.length; i++) codes[i] = (codes[i] & layout.mask) | exponents;
}

/** Distinct scales: enough that a kernel which reads the wrong one would show, few enough to round in no time. */
const NUM_SCALES = 16;

/** Scales between 3/4 and 5/4 of the one that gives uniform codes a root mean square of `rms`. */
function randomScales(
  random: RandomWords,
  { bits, scaleType }: WeightFormat,
  count: number,
  rms: number,
): Uint32Array {
  const middle = (rms * Math.sqrt(12)) / 2 ** bits;
  const values = Array.from({ length: NUM_SCALES }, (_, i) => middle * (0.75 + (0.5 * i) / (NUM_SCALES - 1)));
  if (scaleType === 'f32') {
    const words = new Uint32Array(Float32Array.from(values).buffer);
    return random.fill(new Uint32Array(count)).map((word) => words[word >>> 28]);
  }
  const halves = values.map(f16Rounder());
  return random
    .fill(new Uint32Array(wordsFor(count, 16)))
    .map((word) => halves[word >>> 28] | (halves[(word >>> 24) & 15] << 16));
}

/** The code in the middle, or the one below it. */
function randomZeros(random: RandomWords, { bits }: WeightFormat, count: number): Uint32Array {
  const [below, one] = bits === 4 ? [0x77777777, 0x11111111] : [0x7f7f7f7f, 0x01010101];
  return random.fill(new Uint32Array(wordsFor(count, bits))).map((word) => below + (word & one));
}

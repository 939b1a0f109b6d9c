import { getBits, setBits, wordsFor } from '../quant/bits.js';
import {
  BLOCK_CODES,
  blocksPerRow,
  groupsPerRow,
  type PackedWeight,
  type WeightFormat,
  zeroBits,
} from '../quant/weight.js';
import { randomScales } from './random-scales.js';

/** Words that are made; more are these again. A prime, so that neither rows nor blocks repeat. */
const DISTINCT_WORDS = 1_048_573;

/** Random words (xorshift32: Marsaglia, "Xorshift RNGs", 2003), fast enough for gigabytes: after the first million they are copies. */
export class RandomWords {
  readonly #words: Uint32Array;
  #at = 0;

  constructor(seed: number) {
    // Zero would stay zero.
    let state = (Math.imul(seed, 0x9e3779b1) | 1) >>> 0;
    this.#words = new Uint32Array(DISTINCT_WORDS).map(() => {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return state;
    });
  }

  fill(out: Uint32Array): Uint32Array {
    for (let i = 0; i < out.length; ) {
      const piece = this.#words.subarray(this.#at, this.#at + out.length - i);
      out.set(piece, i);
      i += piece.length;
      this.#at = (this.#at + piece.length) % DISTINCT_WORDS;
    }
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
  maskFloats(codes, format, rms);
  return {
    format,
    rows,
    cols,
    codes,
    scales:
      format.scaleType === null ? null : randomScales((out) => random.fill(out), format, numGroups, rms),
    zeros: format.zeroPoints ? randomZeros(random, format, numGroups) : null,
  };
}

interface FloatBits {
  /** Bits of the sign and mantissa of each element, which stay random. */
  readonly mask: number;
  readonly bias: number;
  readonly mantissaBits: number;
  /** What repeats an element in a word. */
  readonly repeat: number;
}

/** The exponent of all elements is that of the power of two at or below `rms`, or 0 where scales do the rest. */
const FLOAT_BITS: Readonly<Record<string, FloatBits>> = {
  f32: { mask: 0x807fffff, bias: 127, mantissaBits: 23, repeat: 1 },
  f16: { mask: 0x83ff83ff, bias: 15, mantissaBits: 10, repeat: 0x10001 },
  bf16: { mask: 0x807f807f, bias: 127, mantissaBits: 7, repeat: 0x10001 },
  e4m3: { mask: 0x87878787, bias: 7, mantissaBits: 3, repeat: 0x1010101 },
  e5m2: { mask: 0x83838383, bias: 15, mantissaBits: 2, repeat: 0x1010101 },
};

/** Leaves the codes of other formats as they are. */
function maskFloats(codes: Uint32Array, { reader, scaleType }: WeightFormat, rms: number): void {
  const layout = FLOAT_BITS[reader];
  if (layout === undefined) return;
  const { mask, bias, mantissaBits, repeat } = layout;
  const exponent = scaleType === null ? Math.floor(Math.log2(rms)) : 0;
  const exponents = Math.imul((exponent + bias) << mantissaBits, repeat);
  for (let i = 0; i < codes.length; i++) codes[i] = (codes[i] & mask) | exponents;
}

/** The code in the middle, or the one below it. */
function randomZeros(random: RandomWords, { bits }: WeightFormat, count: number): Uint32Array {
  const width = zeroBits(bits);
  const below = 2 ** (bits - 1) - 1;
  const zeros = random.fill(new Uint32Array(wordsFor(count, width)));
  for (let i = 0; i < count; i++) setBits(zeros, i, width, below + (getBits(zeros, i, width) & 1));
  return zeros;
}

import { wordsFor } from '../quant/bits.js';
import { f16Rounder } from '../quant/half.js';
import { SUPER_WORDS } from '../quant/super.js';
import { TABLES } from '../quant/tables.js';
import type { ScaleType, WeightFormat } from '../quant/weight.js';

/** Distinct scales: enough that a kernel which reads the wrong one would show, few enough to round in no time. */
const NUM_SCALES = 16;
const E8M0_BIAS = 128;

/** Scales of groups in random order, such that weights of uniform codes have mean 0 and a root mean square of `rms`. @param fill gives random words */
export function randomScales(
  fill: (out: Uint32Array) => Uint32Array,
  format: WeightFormat,
  count: number,
  rms: number,
): Uint32Array {
  if (format.scaleType === null) throw new RangeError(`${format.reader} weights have no scales`);
  return MAKERS[format.scaleType](fill, format, count, rms / codeRms(format));
}

/** Root mean square of what the codes stand for. */
function codeRms({ reader, bits, table }: WeightFormat): number {
  if (table !== undefined) {
    return Math.sqrt(TABLES[table].reduce((sum, value) => sum + value * value, 0) / 16);
  }
  return reader === 'e4m3' || reader === 'e5m2' ? FP8_RMS : 2 ** bits / Math.sqrt(12);
}

/** Of floats of one exponent, 0: uniform between 1 and 2, with either sign. */
const FP8_RMS = Math.sqrt(7 / 3);

/** @param middle the scale in the middle */
type Maker = (
  fill: (out: Uint32Array) => Uint32Array,
  format: WeightFormat,
  count: number,
  middle: number,
) => Uint32Array;

const MAKERS: Readonly<Record<ScaleType, Maker>> = {
  f32: (fill, _, count, middle) => {
    const words = new Uint32Array(Float32Array.from(around(middle)).buffer);
    return fill(new Uint32Array(count)).map((word) => words[word >>> 28]);
  },
  f16: (fill, _, count, middle) => {
    const halves = around(middle).map(f16Rounder());
    return fill(new Uint32Array(wordsFor(count, 16))).map(
      (word) => halves[word >>> 28] | (halves[(word >>> 24) & 15] << 16),
    );
  },
  e8m0: (fill, _, count, middle) => {
    const exponent = (Math.round(Math.log2(middle)) + E8M0_BIAS) * 0x01010101;
    // Of each byte the lowest bit is random.
    return fill(new Uint32Array(wordsFor(count, 8))).map((word) => exponent - (word & 0x01010101));
  },
  'f16+f16': (fill, { bits }, count, middle) => {
    const words = around(middle).map((scale) => twoHalves(scale, -scale * middleCode(bits)));
    return fill(new Uint32Array(count)).map((word) => words[word >>> 28]);
  },
  super: randomSuper,
};

/** Between 3/4 and 5/4 of it. */
function around(middle: number): number[] {
  return Array.from({ length: NUM_SCALES }, (_, i) => middle * (0.75 + (0.5 * i) / (NUM_SCALES - 1)));
}

function middleCode(bits: number): number {
  return (2 ** bits - 1) / 2;
}

function twoHalves(low: number, high: number): number {
  const bits = f16Rounder();
  return (bits(low) | (bits(high) << 16)) >>> 0;
}

/** Factors between 56 and 63 (of nibbles 12 and 15, each with a minimum of the same size) under a scale that makes up for them. */
const SUPER_FACTORS = { mask: 0x07070707, least: 0x38383838, mean: 59.5 } as const;
const NIBBLE_FACTORS = { mask: 0x33333333, least: 0xcccccccc, mean: 13.5 } as const;

function randomSuper(
  fill: (out: Uint32Array) => Uint32Array,
  { reader, bits }: WeightFormat,
  count: number,
  middle: number,
): Uint32Array {
  const { mask, least, mean } = reader === 'q2_k' ? NIBBLE_FACTORS : SUPER_FACTORS;
  const scale = middle / mean;
  const head = twoHalves(scale, scale * middleCode(bits));
  return fill(new Uint32Array(count * SUPER_WORDS)).map((word, i) =>
    i % SUPER_WORDS === 0 ? head : (word & mask) + least,
  );
}

import { f16Rounder, f16Value } from './half.js';
import { TABLES } from './tables.js';
import { isInteger, type ScaleType, type TableName, type WeightFormat } from './weight.js';

/** Of the exponents in `e8m0`. */
const E8M0_RANGE = [-128, 127] as const;

/** The numbers of a group, and how much the error of each matters. */
export interface GroupValues {
  readonly values: Float64Array;
  readonly start: number;
  readonly end: number;
  /** At the same places as `values`; null where all matter alike. */
  readonly importance: Float64Array | null;
  /** `[n][n]` for the n places of `values`, symmetric: how much the product of the errors of two matters. Only `clip` looks at it. */
  readonly moments?: Float64Array | null;
}

/** A table's numbers in ascending order, each once, the code of each, and what lies in the middle of neighbours. */
interface Levels {
  readonly values: Float64Array;
  readonly codes: Uint8Array;
  readonly middles: Float64Array;
}

/**
 * The numbers that the codes of a group stand for: (code − zero) · scale of integers, table[code] · scale of tables. A grid is set to one group
 * after another: an object for each would cost more than the arithmetic.
 */
export class Grid {
  readonly #maxCode: number;
  readonly #levels: Levels | null;
  readonly #table: Float32Array | null;
  readonly #round: (scale: number) => number;
  #scale = 0;
  #zero: number;

  /** Throws RangeError for formats of floats, and those with more than a scale and a zero point for a group. */
  constructor(readonly format: WeightFormat) {
    const { bits, table, scaleType } = format;
    if (!isInteger(format) && table === undefined)
      throw new RangeError(`${format.reader} weights are no integers and have no table`);
    this.#maxCode = 2 ** bits - 1;
    this.#table = table === undefined ? null : TABLES[table];
    this.#levels = table === undefined ? null : levelsOf(table);
    this.#round = scaleRounder(scaleType);
    this.#zero = 2 ** (bits - 1);
  }

  get scale(): number {
    return this.#scale;
  }

  /** The code that stands for 0; of tables without meaning. */
  get zero(): number {
    return this.#zero;
  }

  /** The scale is rounded to its storage type; it may be 0, and infinite where it is too large for that. */
  set(scale: number, zero = 2 ** (this.format.bits - 1)): void {
    this.#scale = this.#round(scale);
    this.#zero = zero;
  }

  /** Asymmetric integers that reach from `min` (at most 0) to `max` (at least 0). */
  setRange(min: number, max: number): void {
    this.#scale = this.#round((max - min) / this.#maxCode);
    this.#zero = this.#scale === 0 ? 0 : Math.min(Math.round(-min / this.#scale), this.#maxCode);
  }

  /** The code of the number nearest to `value`. */
  code(value: number): number {
    const scale = this.#scale;
    if (this.#levels !== null) return nearest(this.#levels, scale === 0 ? 0 : value / scale);
    if (scale === 0) return this.#zero;
    const code = Math.floor(value / scale + this.#zero + 0.5);
    return Math.min(Math.max(code, 0), this.#maxCode);
  }

  /** What a code stands for. */
  value(code: number): number {
    return this.steps(code) * this.#scale;
  }

  /** The same at a scale of 1. */
  steps(code: number): number {
    return this.#table === null ? code - this.#zero : this.#table[code];
  }
}

/**
 * The number, in steps of a scale of 1, that a group's value of largest magnitude is mapped to, and whether −1 times all numbers are the same
 * numbers, so that the scale's sign does not matter.
 */
export function anchorOf({ bits, table, scaleType }: WeightFormat): {
  readonly anchor: number;
  readonly symmetric: boolean;
} {
  if (table === undefined) return { anchor: -(2 ** (bits - 1)), symmetric: false };
  const { values } = levelsOf(table);
  const [least, greatest] = [values[0], values[values.length - 1]];
  // As the scale is rounded down to a power of two, so is what it is taken from (OCP Microscaling Formats, 6.3).
  if (scaleType === 'e8m0') return { anchor: 2 ** Math.floor(Math.log2(greatest)), symmetric: true };
  return -least > greatest ? { anchor: least, symmetric: false } : { anchor: greatest, symmetric: true };
}

function levelsOf(name: TableName): Levels {
  const all = [...TABLES[name]].map((value, code) => ({ value, code }));
  // Of 0 and −0, which are equal, the first has the lower code and is kept.
  const sorted = all.sort((a, b) => a.value - b.value || a.code - b.code);
  const once = sorted.filter(({ value }, i) => i === 0 || value !== sorted[i - 1].value);
  return {
    values: Float64Array.from(once, ({ value }) => value),
    codes: Uint8Array.from(once, ({ code }) => code),
    middles: Float64Array.from(once.slice(1), ({ value }, i) => (value + once[i].value) / 2),
  };
}

/** At most 16 levels: the count of middles below is found as fast by a loop as by halving. */
function nearest({ codes, middles }: Levels, value: number): number {
  let i = 0;
  while (i < middles.length && value > middles[i]) i++;
  return codes[i];
}

function scaleRounder(type: ScaleType | null): (scale: number) => number {
  if (type === 'f32') return Math.fround;
  if (type === 'e8m0') return powerOfTwo;
  if (type !== 'f16') throw new RangeError(`scales of ${type} are not one number for a group`);
  const bitsOf = f16Rounder();
  return (scale) => f16Value(bitsOf(scale));
}

/** The greatest power of two not above the scale. */
function powerOfTwo(scale: number): number {
  if (scale === 0) return 2 ** E8M0_RANGE[0];
  const exponent = Math.floor(Math.log2(scale));
  return 2 ** Math.min(Math.max(exponent, E8M0_RANGE[0]), E8M0_RANGE[1]);
}

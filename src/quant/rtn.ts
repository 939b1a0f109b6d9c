import { UserError } from '../errors.js';
import { setBits } from './bits.js';
import { allocate, type ScaledWeight } from './builder.js';
import { formatName } from './formats.js';
import { f16Rounder, f16Value } from './half.js';
import { packBlock } from './planes.js';
import {
  BLOCK_CODES,
  blocksPerRow,
  groupsPerRow,
  isInteger,
  type PackedWeight,
  type WeightFormat,
  zeroBits,
} from './weight.js';

const F16_MAX = 65504;

/**
 * Rounds a matrix to the nearest codes, one group of a row at a time. The scale is first rounded to its storage type.
 *
 * Symmetric: the number of largest magnitude maps to the lowest code, −2^(b−1), so the scale has the opposite sign of it and all
 * 2^b codes are used. On the bundled model in groups of 32 at 4 bits the relative error is 9.1%, against 10.2% with max|w|/7.5
 * and 10.3% with max|w|/7; it is the lowest of the three for every group size at 4 and 8 bits. Its price: a number of the other
 * sign beyond 2^(b−1) − ½ steps is clipped, by one step at most.
 * Asymmetric: the range min(w, 0) … max(w, 0) is spread over 2^b − 1 steps.
 *
 * @param values `[rows][cols]` row-major
 * @param name names the matrix in errors; @param firstRow row of that matrix that the first of these is
 * Throws UserError where a number is NaN, infinite, or too large for the scale's type.
 */
export function quantizeRtn(
  values: Float32Array,
  rows: number,
  cols: number,
  format: WeightFormat,
  name = 'weight',
  firstRow = 0,
): PackedWeight {
  if (!isInteger(format)) throw new RangeError(`${formatName(format)} is not an integer format`);
  if (values.length !== rows * cols)
    throw new RangeError(`${values.length} values are not [${rows}, ${cols}]`);
  const weight = allocate(format, rows, cols);
  const rounder = new GroupRounder(values, weight, name, firstRow);
  for (let row = 0; row < rows; row++) quantizeRow(rounder, weight, row);
  return weight;
}

function quantizeRow(rounder: GroupRounder, { format, cols }: ScaledWeight, row: number): void {
  const groups = groupsPerRow(format, cols);
  const groupSize = format.groupSize ?? cols;
  const rowBlocks = blocksPerRow(cols);
  for (let g = 0; g < groups; g++) {
    const first = g * groupSize;
    const end = Math.min(first + groupSize, cols);
    rounder.round(row * cols + first, row * cols + end, row * groups + g);
    const blockEnd = g === groups - 1 ? rowBlocks : end / BLOCK_CODES;
    rounder.write(row * rowBlocks + first / BLOCK_CODES, row * rowBlocks + blockEnd);
  }
}

/** Rounds one group after another. Its fields are those of the current one: an object for each would cost more than the arithmetic. */
class GroupRounder {
  readonly #f16Bits = f16Rounder();
  readonly #codes = new Uint8Array(BLOCK_CODES);
  readonly #f32 = new Float32Array(1);
  readonly #f32Bits = new Uint32Array(this.#f32.buffer);
  readonly #maxCode: number;
  readonly #middle: number;
  #start = 0;
  #end = 0;
  /** As its storage type holds it, and the code that stands for 0. */
  #scale = 0;
  #zero = 0;

  constructor(
    readonly values: Float32Array,
    readonly weight: ScaledWeight,
    readonly name: string,
    readonly firstRow: number,
  ) {
    this.#middle = 2 ** (weight.format.bits - 1);
    this.#maxCode = 2 * this.#middle - 1;
  }

  /** Chooses scale and zero point of the values `start … end − 1`, and stores them at `index`. */
  round(start: number, end: number, index: number): void {
    this.#start = start;
    this.#end = end;
    let min = 0;
    let max = 0;
    const { values } = this;
    for (let i = start; i < end; i++) {
      const value = values[i];
      if (value < min) min = value;
      else if (value > max) max = value;
      else if (Number.isNaN(value)) throw this.#notFinite();
    }
    if (min === Number.NEGATIVE_INFINITY || max === Number.POSITIVE_INFINITY) throw this.#notFinite();
    if (this.weight.zeros === null) this.#symmetric(min, max, index);
    else this.#asymmetric(min, max, index, this.weight.zeros);
    if (!Number.isFinite(this.#scale)) throw this.#tooLarge(max > -min ? max : min);
  }

  /** Writes the group's blocks of codes. Beyond its values there is padding that decodes to 0. */
  write(block: number, blockEnd: number): void {
    const { bits } = this.weight.format;
    const end = this.#scale === 0 ? this.#start : this.#end;
    for (let at = block, i = this.#start; at < blockEnd; at++, i += BLOCK_CODES) {
      const count = Math.min(Math.max(end - i, 0), BLOCK_CODES);
      this.#roundCodes(i, count);
      if (count < BLOCK_CODES) this.#codes.fill(this.#zero, count);
      packBlock(this.#codes, 0, bits, this.weight.codes, at * bits);
    }
  }

  /** A quotient of two f32 is never so close to the middle of two codes that adding one half would round it over. */
  #roundCodes(start: number, count: number): void {
    const { values } = this;
    const codes = this.#codes;
    const scale = this.#scale;
    const shift = this.#zero + 0.5;
    const maxCode = this.#maxCode;
    for (let k = 0; k < count; k++) {
      // Cut off towards 0, which is the floor of what is not clamped.
      const code = (values[start + k] / scale + shift) | 0;
      codes[k] = Math.min(Math.max(code, 0), maxCode);
    }
  }

  #symmetric(min: number, max: number, index: number): void {
    this.#zero = this.#middle;
    this.#storeScale((max > -min ? max : min) / -this.#zero, index);
  }

  #asymmetric(min: number, max: number, index: number, zeros: Uint32Array): void {
    const steps = this.#maxCode;
    this.#storeScale((max - min) / steps, index);
    this.#zero = this.#scale === 0 ? 0 : Math.min(Math.round(-min / this.#scale), steps);
    setBits(zeros, index, zeroBits(this.weight.format.bits), this.#zero);
  }

  #storeScale(scale: number, index: number): void {
    const { scales, format } = this.weight;
    if (format.scaleType === 'f16') {
      const bits = this.#f16Bits(scale);
      this.#scale = f16Value(bits);
      setBits(scales, index, 16, bits);
    } else {
      this.#f32[0] = scale;
      this.#scale = this.#f32[0];
      scales[index] = this.#f32Bits[0];
    }
  }

  #notFinite(): UserError {
    const group = this.values.subarray(this.#start, this.#end);
    const index = this.#start + group.findIndex((value) => !Number.isFinite(value));
    return this.#badNumber(index, 'no integer code can stand for it');
  }

  #tooLarge(value: number): UserError {
    const { scaleType } = this.weight.format;
    return this.#badNumber(
      this.values.indexOf(value, this.#start),
      `too large for an ${scaleType} scale (${F16_MAX} at most)`,
    );
  }

  #badNumber(index: number, problem: string): UserError {
    const { cols, format } = this.weight;
    const row = this.firstRow + Math.floor(index / cols);
    return new UserError(
      `${this.name}: row ${row}, column ${index % cols} is ${this.values[index]}: ${problem} (${formatName(format)})`,
    );
  }
}

/** Of a histogram: wide enough that one of 127 codes has a dozen, also where the range has just been doubled. */
const NUM_BINS = 4096;
/** Weight of a new sample in the moving average of greatest magnitudes. */
const MOVING_WEIGHT = 0.1;

/**
 * How often magnitudes occur, in bins of equal width from 0 on, in memory that does not grow with the samples: where one is beyond the range, the range
 * doubles, and neighbouring bins become one. The range is a power of two, so that the same values give the same bins in any order.
 */
export class Magnitudes {
  readonly counts = new Float64Array(NUM_BINS);
  #range = 0;
  #greatest = 0;
  #moving: number | null = null;

  /** Width of a bin; 0 where all values so far are. */
  get binWidth(): number {
    return this.#range / NUM_BINS;
  }

  get greatest(): number {
    return this.#greatest;
  }

  /** Moving average over the samples of the greatest magnitude of each. */
  get movingGreatest(): number {
    return this.#moving ?? 0;
  }

  /** @param columns of each row that are taken, `start` and those after it; all where absent */
  add(
    values: Float32Array,
    columns: { readonly stride: number; readonly start: number; readonly count: number },
  ): void {
    const { stride, start, count } = columns;
    const greatest = greatestOf(values, columns);
    this.#widen(greatest);
    this.#greatest = Math.max(this.#greatest, greatest);
    this.#moving =
      this.#moving === null ? greatest : this.#moving + MOVING_WEIGHT * (greatest - this.#moving);
    const perUnit = this.#range === 0 ? 0 : NUM_BINS / this.#range;
    for (let row = 0; row < values.length; row += stride) {
      for (let i = row + start; i < row + start + count; i++) {
        this.counts[Math.min(NUM_BINS - 1, Math.floor(Math.abs(values[i]) * perUnit))]++;
      }
    }
  }

  #widen(greatest: number): void {
    if (!Number.isFinite(greatest)) throw new RangeError(`a magnitude is ${greatest}`);
    if (this.#range === 0 && greatest > 0) {
      // Zeros that came before are in the first bin, where they belong.
      this.#range = 2 ** Math.ceil(Math.log2(greatest));
    }
    while (this.#range < greatest) {
      this.#range *= 2;
      for (let bin = 0; bin < NUM_BINS; bin++) {
        const [first, second] = [this.counts[2 * bin] ?? 0, this.counts[2 * bin + 1] ?? 0];
        this.counts[bin] = first + second;
      }
    }
  }
}

function greatestOf(
  values: Float32Array,
  { stride, start, count }: { readonly stride: number; readonly start: number; readonly count: number },
): number {
  let greatest = 0;
  for (let row = 0; row < values.length; row += stride) {
    for (let i = row + start; i < row + start + count; i++)
      greatest = Math.max(greatest, Math.abs(values[i]));
  }
  return greatest;
}

import type { PackedWeight, WeightFormat } from './weight.js';

/** How the codes of one reader become numbers; `formats.ts` holds one for every `WeightReader`. */
export interface Reader {
  readonly bits: WeightFormat['bits'];
  /** Writes the weight's `cols` numbers of a row to the front of `out`, exact in f64. */
  decodeRow(weight: PackedWeight, row: number, out: Float64Array): void;
}

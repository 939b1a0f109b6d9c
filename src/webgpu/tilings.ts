import type { WeightPart } from '../ops/ops.js';
import type { ActivationType } from '../quant/formats.js';
import { type LinearChoice, type Tiling, tilingFor } from './tiling.js';
import type { Tuning } from './tuning.js';

/** Numbers of tokens that share a choice. */
export interface TokenBucket {
  readonly maxTokens: number;
  /** Tokens in a tile that are worth a try, at least: more than one tile reads the weights anew. */
  readonly minTileTokens: number;
}

/** Ascending; the last holds every number. */
export const TOKEN_BUCKETS: readonly TokenBucket[] = [
  { maxTokens: 1, minTileTokens: 1 },
  { maxTokens: 4, minTileTokens: 2 },
  { maxTokens: 8, minTileTokens: 4 },
  { maxTokens: Number.POSITIVE_INFINITY, minTileTokens: 4 },
];

/** Choices of one product, one for each of `TOKEN_BUCKETS`; null is the adapter's default. */
export type ProductChoices = readonly (LinearChoice | null)[];

/** How each matrix product is cut: by the adapter's default until choices are set. */
export class Tilings {
  readonly #chosen = new Map<string, ProductChoices>();

  constructor(
    readonly tuning: Tuning,
    readonly computeType: 'f32' | 'f16',
  ) {}

  /** Names what a choice depends on: weight reader, outputs × inputs, type of the activations. */
  keyOf(
    { format, rows, cols }: Pick<WeightPart<unknown>, 'format' | 'rows' | 'cols'>,
    activations: ActivationType,
  ): string {
    return `${format.reader} ${rows}x${cols} ${activations === 'int8' ? 'int8' : this.computeType}`;
  }

  for(product: string, tokens: number): Tiling {
    const choices = this.#chosen.get(product);
    const bucket = TOKEN_BUCKETS.findIndex(({ maxTokens }) => tokens <= maxTokens);
    return tilingFor(tokens, this.tuning, choices?.[bucket] ?? undefined);
  }

  set(product: string, choices: ProductChoices): void {
    this.#chosen.set(product, choices);
  }
}

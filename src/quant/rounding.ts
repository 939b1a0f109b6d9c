/** The largest code of INT8; its negative is the smallest. */
export const LARGEST_CODE = 127;

/** How activations are rounded to INT8 before a product: symmetric, to codes of ±127. */
export interface Rounding {
  /** What shares a scale, its greatest magnitude / 127: a block of 32 values of a token, or all of a token's; or the scale of all, known before. */
  readonly scale: 'block' | 'token' | number;
  /** Values of this magnitude or more stay floats and take no part in scales (Dettmers et al., arXiv 2208.07339); null where none do. */
  readonly outliers: number | null;
}

export const BY_BLOCK: Rounding = { scale: 'block', outliers: null };
export const BY_TOKEN: Rounding = { scale: 'token', outliers: null };
/** The magnitude of outliers that its authors take. */
export const OUTLIER_THRESHOLD = 6;

import type { ElementType } from '../ops/ops.js';
import { fewestGemmTokens } from './gemm-tiling.js';
import { defaultChoice, type LinearChoice } from './tiling.js';
import type { TokenBucket } from './tilings.js';
import type { Tuning } from './tuning.js';

/**
 * Whether no choice may change a byte of a product: where the default never takes `linear_row`, so that a text does not depend on its batch.
 * `linear_tile` sums a token in one order, whatever its tile and lanes.
 */
export function keepsBytes({ maxRowTokens }: Tuning): boolean {
  return maxRowTokens === 0;
}

/** Tokens that a bucket is measured with: fewer than `linear_panel` and `linear_gemm` take, which have no choice. */
export function measuredTokens({ maxTokens }: TokenBucket, type: ElementType, tuning: Tuning): number {
  const { autotune, panelTokens } = tuning;
  const most =
    Math.min(
      fewestGemmTokens(type, tuning) ?? Number.POSITIVE_INFINITY,
      panelTokens ?? Number.POSITIVE_INFINITY,
    ) - 1;
  return Math.min(maxTokens, autotune.manyTokens, most);
}

/** What to try for a bucket: first the default for its measured number of tokens. */
export function candidatesFor(
  bucket: TokenBucket,
  type: ElementType,
  tuning: Tuning,
): readonly LinearChoice[] {
  const preset = defaultChoice(measuredTokens(bucket, type, tuning), tuning);
  const others = tuning.autotune.candidates
    .map(([kernel, lanes, tokens]) => ({ kernel, lanes, tokens }))
    .filter((choice) => isWorthATry(choice, bucket, tuning) && !sameChoice(choice, preset));
  return [preset, ...others];
}

function sameChoice(a: LinearChoice, b: LinearChoice): boolean {
  return a.kernel === b.kernel && a.lanes === b.lanes && a.tokens === b.tokens;
}

/** `linear_row` reads the weights once for each token. */
function isWorthATry(
  { kernel, tokens }: LinearChoice,
  { maxTokens, minTileTokens }: TokenBucket,
  tuning: Tuning,
): boolean {
  if (kernel === 'linear_row') return !keepsBytes(tuning) && Number.isFinite(maxTokens);
  return tokens >= minTileTokens && tokens <= maxTokens;
}

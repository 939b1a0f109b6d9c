import type { ElementType } from '../ops/ops.js';
import { foldGrid, sharesLanes, type Tiling } from './tiling.js';
import type { Tuning } from './tuning.js';

/** How `linear_panel` is cut into workgroups. */
export interface PanelTiling extends Omit<Tiling, 'kernel'> {
  readonly kernel: 'linear_panel';
}

/** Tokens of a workgroup, and outputs of a lane. */
const TOKENS = 16;
const OUTPUTS = 8;
/** Lanes that `from_lane` tells apart. */
const MAX_LANES = 16;

/**
 * The tiling of a product of many tokens where lanes load one by one; null where another kernel is the choice: for few tokens, for INT8
 * activations, and where lanes cannot hand activations round.
 * @param type of the activations
 */
export function panelTiling(tokens: number, type: ElementType, tuning: Tuning): PanelTiling | null {
  const { panelTokens, tileLanes: lanes } = tuning;
  const few = panelTokens === null || tokens < panelTokens;
  if (few || type === 'u32' || lanes > MAX_LANES || !sharesLanes(lanes, tuning)) return null;
  return {
    kernel: 'linear_panel',
    constants: { LANES: lanes, TOKENS },
    lanes: 'subgroup',
    grid: (outputs) => foldGrid(Math.ceil(outputs / (OUTPUTS * lanes)), Math.ceil(tokens / TOKENS)),
  };
}

import type { ElementType, OpArgs, Routing, RoutingShape } from '../ops/ops.js';
import { expertTiling } from './expert-tiling.js';
import { Params } from './params.js';
import type { Dispatch } from './recorder.js';
import type { Tuning } from './tuning.js';

type Args<Name extends 'route' | 'addExperts'> = OpArgs<GPUBuffer, Name>;

/** Words of a tile in `Routing.order`: its expert, its first position, and how many it has. */
const TILE_WORDS = 3;

/** Words of `Routing.order`: a position for each route, then a tile for each. */
export function orderWords(shape: RoutingShape): number {
  return tilesOffset(shape) * (1 + TILE_WORDS);
}

/** Where tiles begin in `Routing.order`. */
export function tilesOffset({ maxTokens, topK }: RoutingShape): number {
  return maxTokens * topK;
}

/**
 * Chooses the experts, each route a tile of its own, and where tiles are larger puts routes of an expert together.
 * @param type of the products' activations, u32 where they are codes
 */
export function routeDispatches(args: Args<'route'>, type: ElementType, tuning: Tuning): Dispatch[] {
  const { routing, rows } = args;
  const { tileRoutes, numTiles } = expertTiling(rows, routing, type, tuning);
  const choose = chooseDispatch(args, tuning.sampleLanes);
  if (tileRoutes === 1) return [choose];
  return [choose, groupDispatch(routing, rows, { tileRoutes, numTiles }, tuning.normLanes)];
}

function chooseDispatch({ logits, routing, rows, normalized }: Args<'route'>, lanes: number): Dispatch {
  const { numExperts, topK, experts, weights, order } = routing;
  return {
    spec: {
      kernel: 'route',
      weight: null,
      types: {},
      constants: { LANES: lanes, CHOSEN: topK, NORMALIZED: normalized ? 1 : 0 },
    },
    buffers: [logits.data, experts.data, weights.data, order],
    weight: [],
    params: new Params().u32(numExperts, logits.stride, experts.stride, weights.stride, tilesOffset(routing))
      .words,
    grid: [rows, 1, 1],
  };
}

function groupDispatch(
  routing: Routing<GPUBuffer>,
  rows: number,
  { tileRoutes, numTiles }: { tileRoutes: number; numTiles: number },
  lanes: number,
): Dispatch {
  const { numExperts, topK, experts, order } = routing;
  return {
    spec: {
      kernel: 'group_routes',
      weight: null,
      types: {},
      constants: { LANES: lanes, EXPERTS: numExperts },
    },
    buffers: [experts.data, order],
    weight: [],
    params: new Params().u32(rows, topK, experts.stride, tileRoutes, tilesOffset(routing), numTiles).words,
    grid: [1, 1, 1],
  };
}

export function addExpertsDispatch({ x, routing, out, rows, scale }: Args<'addExperts'>): Dispatch {
  const { topK, weights } = routing;
  return {
    spec: { kernel: 'add_experts', weight: null, types: { X: x.type, Y: out.type }, constants: {} },
    buffers: [x.data, weights.data, out.data],
    weight: [],
    params: new Params().u32(out.cols, topK, x.stride, weights.stride, out.stride).f32(scale).words,
    grid: [Math.ceil(out.cols / 32), rows, 1],
  };
}

import type { SplitRule } from './attention-splits.js';
import type { Tuning } from './tuning.js';

/** How a workgroup of `attention_single` computes a token. */
export interface SingleTiling {
  /** Workgroups that the query heads of a KV head are dealt out to. */
  readonly parts: number;
  readonly constants: Readonly<Record<string, number>>;
  readonly unroll: Readonly<Record<string, number>>;
  readonly splits: SplitRule;
}

/**
 * Null where single tokens go through `attention`.
 * @param sharingHeads query heads that share a KV head
 */
export function singleTiling(
  sharingHeads: number,
  headDim: number,
  { single, subgroupSize: lanes, workgroupBytes }: Tuning,
): SingleTiling | null {
  if (single === null || lanes === null) return null;
  const { subgroups, positions, splitPositions: minPositions, wholePositions } = single;
  const chunks = headDim / 4;
  const rowLanes = Math.min(lanes, single.rowLanes, powerOfTwo(chunks));
  const rows = lanes / rowLanes;
  const turns = powerOfTwo(Math.max(1, positions / rows));
  const room = headsInMemory(headDim, subgroups, workgroupBytes);
  const parts = Math.ceil(sharingHeads / Math.min(rowLanes, single.heads, room));
  const group = Math.ceil(sharingHeads / parts);
  const sizes = { SUBGROUP_SIZE: lanes, SUBGROUPS: subgroups };
  return {
    parts,
    constants: { ...sizes, HEAD_DIM: headDim, SHARING: sharingHeads, PARTS: parts },
    unroll: { SUBGROUP_BITS: Math.log2(lanes), ...rowLoops({ group, turns, rowLanes, chunks }) },
    splits: { step: subgroups * turns * rows, aligned: false, minPositions, wholePositions },
  };
}

/** What a row of lanes works on: its products with `group` query heads in so many turns are added up in stages. */
interface Row {
  readonly group: number;
  readonly turns: number;
  readonly rowLanes: number;
  readonly chunks: number;
}

function rowLoops({ group, turns, rowLanes, chunks }: Row): Readonly<Record<string, number>> {
  const headSlots = powerOfTwo(group);
  const products = headSlots * turns;
  return {
    GROUP: group,
    HEAD_SLOTS: headSlots,
    TURNS: turns,
    ROW_LANES: rowLanes,
    LANE_CHUNKS: Math.ceil(chunks / rowLanes),
    STAGES: Math.log2(rowLanes),
    HALF_PRODUCTS: Math.floor(products / 2),
    SLOTS: Math.max(1, products / rowLanes),
  };
}

/** The least that is no less. */
function powerOfTwo(value: number): number {
  return 2 ** Math.ceil(Math.log2(value));
}

/** Query heads that a workgroup's memory has room for: the sums of each subgroup and the query, with the maximum and the total of each. */
function headsInMemory(headDim: number, subgroups: number, workgroupBytes: number): number {
  const values = (subgroups + 1) * headDim + 2 * subgroups;
  return Math.max(1, Math.floor(workgroupBytes / (values * Float32Array.BYTES_PER_ELEMENT)));
}

import { groupsPerRow } from '../quant/weight.js';
import type { MatrixInput } from './method.js';
import { type Segment, segmentsOf } from './row-rounder.js';

/**
 * In which order a method takes columns. `given`: as they are. `activation`: those of the largest inputs first, so that groups are made of columns
 * from anywhere. `groups`: groups by the largest input of their columns, and so within each, so that every column stays in its group.
 */
export type ColumnOrder = 'given' | 'activation' | 'groups';

export interface OrderedColumns {
  /** `[cols]` the column that is taken at each place. */
  readonly columns: Uint32Array;
  /** Places that share a scale, in order. */
  readonly segments: readonly Segment[];
  /** `[cols]` group of each column, where columns left their groups. */
  readonly groupIndex: Uint32Array | null;
}

/** @param diagonal of the Hessian, `[cols]`; of equal columns the lower comes first */
export function orderColumns(
  input: Pick<MatrixInput, 'format' | 'cols'>,
  order: ColumnOrder,
  diagonal: Float64Array,
): OrderedColumns {
  const segments = segmentsOf(input);
  const columns = Uint32Array.from({ length: input.cols }, (_, k) => k);
  const byInput = (a: number, b: number) => diagonal[b] - diagonal[a] || a - b;
  if (order === 'groups') return byGroups(segments, columns, byInput);
  if (order === 'given') return { columns, segments, groupIndex: null };
  columns.sort(byInput);
  if (groupsPerRow(input.format, input.cols) === 1) return { columns, segments, groupIndex: null };
  return { columns, segments, groupIndex: indexOf(columns, segments) };
}

function byGroups(
  segments: readonly Segment[],
  columns: Uint32Array,
  byInput: (a: number, b: number) => number,
): OrderedColumns {
  const groups = segments.map(({ group, start, end }) => ({
    group,
    members: columns.slice(start, end).sort(byInput),
  }));
  groups.sort((a, b) => byInput(a.members[0], b.members[0]));
  const ordered = new Uint32Array(columns.length);
  let at = 0;
  const moved = groups.map(({ group, members }) => {
    ordered.set(members, at);
    const start = at;
    at += members.length;
    return { group, start, end: at };
  });
  return { columns: ordered, segments: moved, groupIndex: null };
}

function indexOf(columns: Uint32Array, segments: readonly Segment[]): Uint32Array {
  const index = new Uint32Array(columns.length);
  for (const { group, start, end } of segments) {
    for (let place = start; place < end; place++) index[columns[place]] = group;
  }
  return index;
}

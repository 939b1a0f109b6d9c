import type { Tuning } from './tuning.js';

/** How the contexts of single tokens are cut, so that several workgroups share one. */
export interface AttentionSplits {
  /** Splits of the longest context. A shorter one's last splits are empty: they weigh nothing. */
  readonly count: number;
  /** Positions of each, a multiple of the step in which the kernel walks a context. */
  readonly positions: number;
}

/** What workgroups leave for `attention_merge`, and where. */
export interface SplitScratch extends AttentionSplits {
  readonly partials: GPUBuffer;
}

export interface SplitWork {
  /** Pairs of a token and a group of query heads: a workgroup each where nothing is split. */
  readonly workgroups: number;
  /** Positions up to that of the token that comes last in its sequence, itself included. */
  readonly contextLen: number;
  /** Positions that a token sees; null sees all. */
  readonly window: number | null;
  /** Splits that the scratch has room for. */
  readonly room: number;
}

/** What a kernel makes of a split. */
export interface SplitRule {
  /** Positions that a workgroup takes at once. */
  readonly step: number;
  /** Whether steps begin at multiples of their size, and not where a window does. */
  readonly aligned: boolean;
  /** Positions in a split at least: a shorter one is not worth a workgroup's start and its share of the merge. */
  readonly minPositions: number;
  /** Positions that a token sees and that are not split. */
  readonly wholePositions: number;
}

/** More partial results than this take longer to merge than they save. */
const MAX_SPLITS = 32;
const MIN_POSITIONS = 128;
/** Positions that a lane of `attention` scores in a step. */
const LANE_POSITIONS = 4;
/** Query heads in a workgroup and dimensions of a head, at most, that the scratch is made for; larger ones are split less. */
const ROOM = { heads: 4, headDim: 256 } as const;

/** Values of a partial result: the sums of a head's dimensions, then their maximum, their total weight and two unused ones. */
export function partialSize(headDim: number): number {
  return headDim + 4;
}

/** Bytes of scratch for all partial results: less than two workgroups' for each that is aimed at. 0 where nothing is ever split. */
export function partialsBytes(tuning: Tuning): number {
  return (
    2 * tuning.attentionWorkgroups * ROOM.heads * partialSize(ROOM.headDim) * Float32Array.BYTES_PER_ELEMENT
  );
}

/** The context that splits are chosen for, of one that long, so that most steps are cut as the one before; 0 where none are split. */
export function splitContext(longestContext: number, tuning: Tuning): number {
  if (tuning.attentionWorkgroups === 0) return 0;
  return Math.ceil(longestContext / MIN_POSITIONS) * MIN_POSITIONS;
}

/** Of `attention`. */
export function tileSplitRule({ attentionLanes }: Tuning): SplitRule {
  const step = LANE_POSITIONS * attentionLanes;
  return { step, aligned: true, minPositions: MIN_POSITIONS, wholePositions: MIN_POSITIONS };
}

/** As many splits as make `attentionWorkgroups` workgroups, within the limits; null where one split is best. */
export function attentionSplits(
  { workgroups, contextLen, window, room }: SplitWork,
  { step, aligned, minPositions, wholePositions }: SplitRule,
  { attentionWorkgroups }: Tuning,
): AttentionSplits | null {
  const seen = Math.min(contextLen, window ?? contextLen);
  const wanted = Math.min(
    MAX_SPLITS,
    Math.ceil(attentionWorkgroups / workgroups),
    Math.ceil(seen / minPositions),
    room,
  );
  if (wanted < 2 || seen <= wholePositions) return null;
  // A window may begin at the end of a step.
  const numSteps = Math.ceil(Math.min(contextLen, seen + (aligned ? step - 1 : 0)) / step);
  const stepsEach = Math.ceil(Math.max(numSteps / wanted, minPositions / step));
  const count = Math.ceil(numSteps / stepsEach);
  return count < 2 ? null : { count, positions: stepsEach * step };
}

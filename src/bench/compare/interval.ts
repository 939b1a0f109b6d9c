import { estimate } from '../../calibrate/statistics.js';

/** A mean with half the width of its 95% confidence interval; that of one value alone is unknown. */
export interface Interval {
  readonly mean: number;
  readonly halfWidth: number | null;
}

/** 97.5% points of Student's t distribution for 1, 2 … degrees of freedom; beyond them the normal distribution's is near enough. */
const T_POINTS = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131,
  2.12, 2.11, 2.101, 2.093, 2.086,
];
const NORMAL_POINT = 1.96;

export function interval(values: readonly number[]): Interval {
  const { mean, standardError } = estimate(values);
  if (values.length < 2) return { mean, halfWidth: null };
  return { mean, halfWidth: (T_POINTS[values.length - 2] ?? NORMAL_POINT) * standardError };
}

/** Interval of the ratio of two figures, from the ratios of their repeats: what disturbs a machine in one repeat disturbs both. */
export function ratioInterval(values: readonly number[], bases: readonly number[]): Interval {
  return interval(values.map((value, i) => value / bases[i]));
}

/** Where a ratio passes 1. */
export interface Crossover {
  readonly load: number;
  /** Whether the intervals on both sides leave 1 out: else it may be chance. */
  readonly isClear: boolean;
}

/** Loads between measured ones at which a ratio passes 1, on a logarithmic axis of loads. @param points by load, ascending */
export function crossovers(
  points: readonly { readonly load: number; readonly ratio: Interval }[],
): Crossover[] {
  return points.slice(1).flatMap((point, i) => {
    const before = points[i];
    const [from, to] = [before.ratio.mean, point.ratio.mean];
    if (from === 1 || from < 1 === to < 1) return [];
    const load = before.load * (point.load / before.load) ** ((1 - from) / (to - from));
    return [{ load, isClear: [before, point].every(({ ratio }) => leavesOut(ratio, 1)) }];
  });
}

function leavesOut({ mean, halfWidth }: Interval, value: number): boolean {
  return halfWidth !== null && Math.abs(mean - value) > halfWidth;
}

import type { Values } from '../config.js';
import type { BENCH_OPTIONS } from './options.js';

export type BenchValues = Values<(typeof BENCH_OPTIONS)[number]>;

/** What a benchmark prints, either way. */
export interface BenchReport {
  readonly json: object;
  readonly lines: readonly string[];
}

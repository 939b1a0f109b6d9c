import type { Weight } from '../ops/ops.js';
import { dequantizeRow, formatName } from '../quant/formats.js';
import type { PackedRows } from '../quant/packed-rows.js';
import type { PackedWeight } from '../quant/weight.js';

/** Rows of a weight as they were on the host, to hold against what the device makes of them. */
export interface WeightSample {
  /** Each row's tensor. */
  readonly nameOf: (row: number) => string;
  /** By row. Empty where another weight of the same kind has been sampled. */
  readonly rows: ReadonlyMap<number, Float64Array>;
}

/** A tensor, or rows of several stacked ones. */
export type NamedRows = readonly [name: string, rows: number];

/** Keeps a few rows of the first weight of each kind: of a role in a layer, and of a format. */
export class Samples<B> {
  readonly of = new Map<Weight<B>, WeightSample>();
  readonly #kinds = new Set<string>();

  /**
   * What `load` makes of the sources, which are read once.
   * @param named tensors that the rows are of, in order
   * @param unit rows that belong together: those of an expert. Absent, all
   */
  async taking(
    named: readonly NamedRows[],
    sources: readonly PackedRows[],
    load: (sources: readonly PackedRows[]) => Promise<Weight<B>>,
    unit?: number,
  ): Promise<Weight<B>> {
    const kind = kindOf(named, sources);
    const rows = new Map<number, Float64Array>();
    const watched = this.#kinds.has(kind) ? sources : watching(sources, rows, unit);
    this.#kinds.add(kind);
    const weight = await load(watched);
    this.of.set(weight, { nameOf: (row) => nameOf(named, row), rows });
    return weight;
  }
}

function kindOf(named: readonly NamedRows[], sources: readonly PackedRows[]): string {
  const roles = named.map(([name]) => name.replaceAll(/\.\d+(?=\.)/g, '.#'));
  return [...roles, ...sources.map(({ format }) => formatName(format))].join();
}

function nameOf(named: readonly NamedRows[], row: number): string {
  let end = 0;
  for (const [name, rows] of named) {
    end += rows;
    if (row < end) return name;
  }
  return `row ${row}`;
}

/**
 * The sources, leaving first and last row of each, and of each half of the first and of the last unit, in `taken`: of gates and what they gate the
 * same rows.
 */
function watching(
  sources: readonly PackedRows[],
  taken: Map<number, Float64Array>,
  unit?: number,
): readonly PackedRows[] {
  const total = sources.reduce((sum, { rows }) => sum + rows, 0);
  const size = unit ?? total;
  const half = Math.floor(size / 2);
  const wanted = new Set([0, total - size].flatMap((at) => [0, half - 1, half, size - 1].map((i) => at + i)));
  let rowStart = 0;
  return sources.map((source) => {
    const from = rowStart;
    rowStart += source.rows;
    const own = [...wanted, from, rowStart - 1].filter((row) => row >= from && row < rowStart);
    const read = async (start: number, count: number): Promise<PackedWeight> => {
      const weight = await source.read(start, count);
      for (const row of own) {
        const at = row - from - start;
        if (at < 0 || at >= count) continue;
        const values = new Float64Array(source.cols);
        dequantizeRow(weight, at, values);
        taken.set(row, values);
      }
      return weight;
    };
    return { ...source, read };
  });
}

import type { OrderedColumns } from './column-order.js';
import type { Damped } from './damping.js';
import { subtractFour, subtractRow } from './row-operations.js';
import type { RowRounder, Segment } from './row-rounder.js';

/** Columns that are rounded before what they leave is taken to all later ones at once. */
const BLOCK_COLUMNS = 128;
/** Later columns that one block of U is applied to at a time: together they stay in a core's cache. */
const TILE_COLUMNS = 256;

/** Places `start … end − 1`, cut where a group begins so that each group is up to date when its scale is chosen. */
export interface Block {
  readonly start: number;
  readonly end: number;
  readonly pieces: readonly Piece[];
}

/** Places of one group; `fits` where its scale is chosen here, as they are its first. */
interface Piece extends Segment {
  readonly fits: boolean;
  /** End of the whole group. */
  readonly groupEnd: number;
}

/** As many whole groups as fit a block, or pieces of one that does not. */
export function blocksOf(segments: readonly Segment[]): readonly Block[] {
  const blocks: Block[] = [];
  for (const piece of segments.flatMap(piecesOf)) {
    const last = blocks.at(-1);
    if (last !== undefined && piece.end - last.start <= BLOCK_COLUMNS)
      blocks[blocks.length - 1] = { ...last, end: piece.end, pieces: [...last.pieces, piece] };
    else blocks.push({ start: piece.start, end: piece.end, pieces: [piece] });
  }
  return blocks;
}

function piecesOf({ group, start, end }: Segment): Piece[] {
  return Array.from({ length: Math.ceil((end - start) / BLOCK_COLUMNS) }, (_, i) => {
    const at = start + i * BLOCK_COLUMNS;
    return { group, start: at, end: Math.min(at + BLOCK_COLUMNS, end), fits: i === 0, groupEnd: end };
  });
}

/** Some rows of a matrix, their columns in the order in which they are taken, while they are rounded. */
export class CompensatedRows {
  readonly #cols: number;
  /** `[rows][cols]` by places: what is left to round, then what its code stands for. */
  readonly #values: Float64Array;
  /** `[rows][BLOCK_COLUMNS]` errors of the block over the diagonal of U. */
  readonly #errors: Float64Array;
  /** `[rows][cols]` by columns. */
  readonly #codes: Uint8Array;
  /** `[rows]` scale and zero point of the group at hand. */
  readonly #scales: Float64Array;
  readonly #zeros: Uint8Array;
  readonly #dead: ReadonlySet<number>;

  /** @param importance of each place's error in the choice of a scale; null where all count alike */
  constructor(
    readonly rounder: RowRounder,
    readonly ordered: OrderedColumns,
    readonly damped: Damped,
    readonly importance: Float64Array | null,
    maxRows: number,
  ) {
    const { cols } = rounder.input;
    this.#cols = cols;
    this.#values = new Float64Array(maxRows * cols);
    this.#errors = new Float64Array(maxRows * BLOCK_COLUMNS);
    this.#codes = new Uint8Array(maxRows * cols);
    this.#scales = new Float64Array(maxRows);
    this.#zeros = new Uint8Array(maxRows);
    this.#dead = new Set(damped.dead);
  }

  /** Rounds rows `first … first + count − 1`. Returns the sum of their outputs' mean squared errors. */
  quantize(first: number, count: number, blocks: readonly Block[]): number {
    this.#load(first, count);
    let error = 0;
    for (const block of blocks) {
      for (let r = 0; r < count; r++) error += this.#roundBlock(first + r, r, block);
      this.#spread(count, block);
    }
    for (let r = 0; r < count; r++) error -= this.#finish(first + r, r);
    return error / 2;
  }

  #load(first: number, count: number): void {
    const { values } = this.rounder.input;
    const { columns } = this.ordered;
    const cols = this.#cols;
    for (let r = 0; r < count; r++) {
      for (let p = 0; p < cols; p++) this.#values[r * cols + p] = values[(first + r) * cols + columns[p]];
      for (const dead of this.#dead) this.#values[r * cols + dead] = 0;
    }
  }

  /** Rounds a row's block and makes up for it within the block. Returns Σ (error / U_pp)², which is δ·H·δᵀ summed over all blocks. */
  #roundBlock(row: number, r: number, { start, end, pieces }: Block): number {
    let sum = 0;
    for (const piece of pieces) {
      this.#setGrid(row, r, piece);
      for (let p = piece.start; p < piece.end; p++) {
        const error = this.#roundOne(r, p);
        this.#errors[r * BLOCK_COLUMNS + p - start] = error;
        this.#subtract(r, p, error, p + 1, end);
        sum += error * error;
      }
    }
    return sum;
  }

  #setGrid(row: number, r: number, { group, start, groupEnd, fits }: Piece): void {
    const { grid } = this.rounder;
    if (!fits) {
      grid.set(this.#scales[r], this.#zeros[r]);
      return;
    }
    const at = r * this.#cols;
    const values = this.#values.subarray(at, at + this.#cols);
    this.rounder.fit(row, group, { values, start, end: groupEnd, importance: this.importance });
    this.#scales[r] = grid.scale;
    this.#zeros[r] = grid.zero;
  }

  #roundOne(r: number, p: number): number {
    const { grid } = this.rounder;
    const at = r * this.#cols + p;
    const value = this.#values[at];
    const code = grid.code(value);
    this.#codes[r * this.#cols + this.ordered.columns[p]] = code;
    this.#values[at] = grid.value(code);
    return (value - this.#values[at]) / this.damped.factor[p * this.#cols + p];
  }

  /** values[start … end − 1] −= error · U[p][start … end − 1]. */
  #subtract(r: number, p: number, error: number, start: number, end: number): void {
    const cols = this.#cols;
    subtractRow(this.#values, r * cols + start, error, this.damped.factor, p * cols + start, end - start);
  }

  /** Takes the errors of a block to all later columns. */
  #spread(count: number, block: Block): void {
    for (let start = block.end; start < this.#cols; start += TILE_COLUMNS) {
      const end = Math.min(start + TILE_COLUMNS, this.#cols);
      let r = 0;
      for (; r + 2 <= count; r += 2) this.#spreadTwo(r, block, start, end);
      for (; r < count; r++) this.#spreadOne(r, block, block.start, start, end);
    }
  }

  /** Of rows r and r + 1, four columns' errors at a time. */
  #spreadTwo(r: number, block: Block, start: number, end: number): void {
    const cols = this.#cols;
    const x = { values: this.#values, at: r * cols + start, stride: cols };
    let p = block.start;
    for (; p + 4 <= block.end; p += 4) {
      const at = r * BLOCK_COLUMNS + p - block.start;
      const errors = { values: this.#errors, at, stride: BLOCK_COLUMNS };
      subtractFour(
        x,
        errors,
        { values: this.damped.factor, at: p * cols + start, stride: cols },
        end - start,
      );
    }
    for (const row of [r, r + 1]) this.#spreadOne(row, block, p, start, end);
  }

  /** Of a row, the errors of the block's columns from `first` on. */
  #spreadOne(r: number, block: Block, first: number, start: number, end: number): void {
    for (let p = first; p < block.end; p++)
      this.#subtract(r, p, this.#errors[r * BLOCK_COLUMNS + p - block.start], start, end);
  }

  /** Packs a row's codes. Returns what damping added to its δ·H·δᵀ. */
  #finish(row: number, r: number): number {
    const cols = this.#cols;
    this.rounder.finish(row, this.#codes.subarray(r * cols, (r + 1) * cols));
    const { added } = this.damped;
    const { values } = this.rounder.input;
    const { columns } = this.ordered;
    let sum = 0;
    for (let p = 0; p < cols; p++) {
      const original = this.#dead.has(p) ? 0 : values[row * cols + columns[p]];
      sum += added[p] * (original - this.#values[r * cols + p]) ** 2;
    }
    return sum;
  }
}

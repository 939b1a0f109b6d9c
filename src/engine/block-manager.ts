import { FreeList } from './free-list.js';
import type { Sequence } from './sequence.js';

/** Positions in a block of KV cache. */
export const BLOCK_SIZE = 16;

/** Blocks at the start of a sequence that the cache holds already. */
export interface CachedPrefix {
  readonly blocks: readonly number[];
  /** Of these, the ones that nobody uses: taking them takes them from the free ones. */
  readonly numFree: number;
}

/**
 * Owns the blocks of the KV cache. A block is free, or in the block tables of as many sequences as its reference count says. A full block
 * keeps its name (`block-names.ts`) when it is freed, so that a later sequence of the same start can take it back, until it is given out anew:
 * the one that was freed first goes first.
 */
export class BlockManager {
  readonly #free: FreeList;
  readonly #references: Uint32Array;
  /** Block by name, and name by block. */
  readonly #cached = new Map<string, number>();
  readonly #names: (string | null)[];

  constructor(
    readonly numBlocks: number,
    readonly blockSize: number = BLOCK_SIZE,
  ) {
    this.#free = new FreeList(numBlocks);
    this.#references = new Uint32Array(numBlocks);
    this.#names = new Array<string | null>(numBlocks).fill(null);
  }

  /** Blocks that nobody uses, cached ones among them. */
  get numFree(): number {
    return this.#free.size;
  }

  /** Share of the blocks in use, 0–1. */
  get usage(): number {
    return this.numBlocks === 0 ? 0 : 1 - this.numFree / this.numBlocks;
  }

  /** Sequences that hold the block. */
  numReferences(block: number): number {
    return this.#references[block];
  }

  /** The longest cached start of a text. @param names of its full blocks, in order, as many as may be taken */
  findPrefix(names: readonly string[]): CachedPrefix {
    const blocks: number[] = [];
    for (const name of names) {
      const block = this.#cached.get(name);
      if (block === undefined) break;
      blocks.push(block);
    }
    return { blocks, numFree: blocks.filter((block) => this.#references[block] === 0).length };
  }

  /** Puts a prefix at the start of the sequence's empty block table. Nothing was allocated since it was found. */
  acquire(sequence: Sequence, { blocks }: CachedPrefix): void {
    if (sequence.blockTable.length > 0) throw new Error(`sequence ${sequence.id} has blocks already`);
    for (const block of blocks) {
      if (this.#references[block] === 0) this.#free.remove(block);
      this.#references[block] += 1;
      sequence.blockTable.push(block);
    }
  }

  /** Grows the sequence's block table until it holds `numTokens`. The scheduler has seen that there are enough. */
  allocate(sequence: Sequence, numTokens: number): void {
    const numNew = missingBlocks(sequence, numTokens, this.blockSize);
    if (numNew > this.numFree) {
      throw new Error(`sequence ${sequence.id} needs ${numNew} blocks and ${this.numFree} are free`);
    }
    for (let i = 0; i < numNew; i++) sequence.blockTable.push(this.#take());
  }

  /**
   * Remembers the sequence's full blocks under their names, in order. Where two hold the same text, the first is kept.
   * @param from blocks before it are remembered already
   */
  remember(sequence: Sequence, names: readonly string[], from = 0): void {
    for (let i = from; i < names.length; i++) {
      const name = names[i];
      const block = sequence.blockTable[i];
      if (this.#names[block] !== null || this.#cached.has(name)) continue;
      this.#names[block] = name;
      this.#cached.set(name, block);
    }
  }

  /** Takes back all blocks of the sequence, its last first: the start of a text is what others may share. */
  free(sequence: Sequence): void {
    for (const block of sequence.blockTable.reverse()) this.#release(block);
    sequence.blockTable.length = 0;
  }

  /**
   * Throws unless each block is free, or in as many block tables as its reference count says, and every name leads to its block.
   * @param sequences all that may hold blocks
   */
  checkIntegrity(sequences: Iterable<Sequence>): void {
    const owners: string[][] = Array.from({ length: this.numBlocks }, () => []);
    for (const sequence of sequences) {
      for (const block of sequence.blockTable) owners[block].push(`sequence ${sequence.id}`);
    }
    const wrong = owners.flatMap((names, block) => this.#faults(block, names));
    if (wrong.length > 0) throw new Error(`KV blocks are inconsistent: ${wrong.join('; ')}`);
  }

  #faults(block: number, owners: readonly string[]): string[] {
    const count = this.#references[block];
    const faults: string[] = [];
    if (count !== owners.length) {
      faults.push(`block ${block} is counted ${count} times but held by ${owners.join(' and ') || 'nobody'}`);
    }
    if (this.#free.has(block) !== (owners.length === 0)) {
      faults.push(`block ${block} ${owners.length === 0 ? 'has leaked' : 'is held and free'}`);
    }
    const name = this.#names[block];
    if (name !== null && this.#cached.get(name) !== block) faults.push(`block ${block} has a stale name`);
    return faults;
  }

  #take(): number {
    const block = this.#free.shift();
    const name = this.#names[block];
    if (name !== null) this.#cached.delete(name);
    this.#names[block] = null;
    this.#references[block] = 1;
    return block;
  }

  #release(block: number): void {
    if (this.#references[block] === 0) throw new Error(`block ${block} is freed but not in use`);
    this.#references[block] -= 1;
    if (this.#references[block] === 0) this.#free.push(block);
  }
}

/** Blocks that hold `numTokens` tokens. */
export function blocksFor(numTokens: number, blockSize: number): number {
  return Math.ceil(numTokens / blockSize);
}

/** Blocks that the sequence lacks to hold `numTokens` tokens. */
export function missingBlocks(sequence: Sequence, numTokens: number, blockSize: number): number {
  return Math.max(0, blocksFor(numTokens, blockSize) - sequence.blockTable.length);
}

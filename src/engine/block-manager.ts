import type { Sequence } from './sequence.js';

/** Positions in a block of KV cache. */
export const BLOCK_SIZE = 16;

/** Owns the blocks of the KV cache: each is free or in the block table of one sequence. */
export class BlockManager {
  /** A ring: the block that was freed first is given out first, so stale contents live long and a wrong table shows early. */
  readonly #free: Uint32Array;
  #head = 0;
  #numFree: number;
  readonly #used: Uint8Array;

  constructor(
    readonly numBlocks: number,
    readonly blockSize: number = BLOCK_SIZE,
  ) {
    this.#free = Uint32Array.from({ length: numBlocks }, (_, block) => block);
    this.#used = new Uint8Array(numBlocks);
    this.#numFree = numBlocks;
  }

  get numFree(): number {
    return this.#numFree;
  }

  /** Share of the blocks in use, 0–1. */
  get usage(): number {
    return this.numBlocks === 0 ? 0 : 1 - this.#numFree / this.numBlocks;
  }

  /** Grows the sequence's block table until it holds `numTokens`. The scheduler has seen that there are enough. */
  allocate(sequence: Sequence, numTokens: number): void {
    const numNew = missingBlocks(sequence, numTokens, this.blockSize);
    if (numNew > this.#numFree) {
      throw new Error(`sequence ${sequence.id} needs ${numNew} blocks and ${this.#numFree} are free`);
    }
    for (let i = 0; i < numNew; i++) sequence.blockTable.push(this.#take());
  }

  /** Takes back all blocks of the sequence, its last first: the start of a text is what others may share. */
  free(sequence: Sequence): void {
    for (const block of sequence.blockTable.reverse()) this.#release(block);
    sequence.blockTable.length = 0;
  }

  /**
   * Throws unless each block is either free or in exactly one of the block tables.
   * @param sequences all that may hold blocks
   */
  checkIntegrity(sequences: Iterable<Sequence>): void {
    const owners: string[][] = Array.from({ length: this.numBlocks }, () => []);
    for (let i = 0; i < this.#numFree; i++) owners[this.#free[this.#slot(i)]].push('free list');
    for (const sequence of sequences) {
      for (const block of sequence.blockTable) owners[block].push(`sequence ${sequence.id}`);
    }
    const wrong = owners.flatMap((names, block) => (names.length === 1 ? [] : [describe(block, names)]));
    if (wrong.length > 0) throw new Error(`KV blocks are inconsistent: ${wrong.join('; ')}`);
  }

  #take(): number {
    const block = this.#free[this.#head];
    this.#head = this.#slot(1);
    this.#numFree -= 1;
    this.#used[block] = 1;
    return block;
  }

  #release(block: number): void {
    if (this.#used[block] !== 1) throw new Error(`block ${block} is freed but not in use`);
    this.#used[block] = 0;
    this.#free[this.#slot(this.#numFree)] = block;
    this.#numFree += 1;
  }

  #slot(offset: number): number {
    return (this.#head + offset) % this.numBlocks;
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

function describe(block: number, owners: readonly string[]): string {
  return `block ${block} ${owners.length === 0 ? 'has leaked' : `is held by ${owners.join(' and ')}`}`;
}

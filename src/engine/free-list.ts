/** Marks the end of the list. */
const NONE = 0xffff_ffff;

/** Block ids in order of release, with removal from the middle: a doubly linked list in two arrays. */
export class FreeList {
  readonly #next: Uint32Array;
  readonly #previous: Uint32Array;
  readonly #member: Uint8Array;
  #head = NONE;
  #tail = NONE;
  #size = 0;

  /** Holds blocks 0 … capacity − 1, in that order. */
  constructor(capacity: number) {
    this.#next = new Uint32Array(capacity).fill(NONE);
    this.#previous = new Uint32Array(capacity).fill(NONE);
    this.#member = new Uint8Array(capacity);
    for (let block = 0; block < capacity; block++) this.push(block);
  }

  get size(): number {
    return this.#size;
  }

  has(block: number): boolean {
    return this.#member[block] === 1;
  }

  /** Throws where the block is in the list already: it would be given out twice. */
  push(block: number): void {
    if (this.has(block)) throw new Error(`block ${block} is freed but not in use`);
    this.#previous[block] = this.#tail;
    this.#next[block] = NONE;
    if (this.#tail === NONE) this.#head = block;
    else this.#next[this.#tail] = block;
    this.#tail = block;
    this.#member[block] = 1;
    this.#size += 1;
  }

  /** The block that was released first. Throws where there is none. */
  shift(): number {
    const block = this.#head;
    if (block === NONE) throw new Error('no block is free');
    this.remove(block);
    return block;
  }

  remove(block: number): void {
    if (!this.has(block)) throw new Error(`block ${block} is not free`);
    const [previous, next] = [this.#previous[block], this.#next[block]];
    if (previous === NONE) this.#head = next;
    else this.#next[previous] = next;
    if (next === NONE) this.#tail = previous;
    else this.#previous[next] = previous;
    this.#member[block] = 0;
    this.#size -= 1;
  }

  *[Symbol.iterator](): Generator<number, void, undefined> {
    for (let block = this.#head; block !== NONE; block = this.#next[block]) yield block;
  }
}

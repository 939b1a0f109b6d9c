import type { HostArea, HostWeights } from '../ops/ops.js';
import type { BufferPool } from './buffers.js';
import type { BufferCopy } from './recorder.js';

/** Room on the device by size: what needs two buffers of a size has the first and the second. */
type Room = Map<number, GPUBuffer[]>;

/** Room on the device that weights in host memory share, in two areas. */
export class HostAreas {
  readonly #buffers: BufferPool;
  readonly #areas: readonly [Room, Room] = [new Map(), new Map()];

  constructor(buffers: BufferPool) {
    this.#buffers = buffers;
  }

  /** Weights that are brought together. */
  group(area: HostArea): HostGroup {
    return new HostGroup(this.#buffers, this.#areas[area]);
  }
}

/** What the host holds, and where it goes on the device. */
export interface HostPlace {
  /** Mapped until it is filled. */
  readonly from: GPUBuffer;
  readonly to: GPUBuffer;
}

export class HostGroup implements HostWeights<GPUBuffer> {
  readonly copies: BufferCopy[] = [];
  readonly #buffers: BufferPool;
  readonly #room: Room;
  readonly #used = new Map<number, number>();

  constructor(buffers: BufferPool, room: Room) {
    this.#buffers = buffers;
    this.#room = room;
  }

  get bytes(): number {
    return this.copies.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Memory for so many bytes, rounded up to 16, that are copied with the others of the group. */
  place(size: number): HostPlace {
    const from = this.#buffers.host(size);
    const to = this.#share(from.size);
    this.copies.push({ from, to, bytes: from.size });
    return { from, to };
  }

  /** The next buffer of this size that the group does not use yet. */
  #share(bytes: number): GPUBuffer {
    const all = this.#room.get(bytes) ?? [];
    this.#room.set(bytes, all);
    const index = this.#used.get(bytes) ?? 0;
    this.#used.set(bytes, index + 1);
    if (index === all.length) all.push(this.#buffers.storage(bytes, 'weights'));
    return all[index];
  }
}

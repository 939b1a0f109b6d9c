import type { BufferPool } from './buffers.js';

/** Bytes from one slot to the next: the largest alignment that WebGPU allows an adapter to ask for. */
export const SLOT_BYTES = 256;
const SLOT_WORDS = SLOT_BYTES / Uint32Array.BYTES_PER_ELEMENT;
const SLOTS_PER_BUFFER = 1024;

/** Room for the uniform parameters of a dispatch, at an offset that stays: software Vulkan maps memory anew at each dynamic one. */
export interface ParamSlot {
  readonly buffer: GPUBuffer;
  /** Bytes. */
  readonly offset: number;
  readonly page: Page;
  /** How often it was written. */
  version: number;
  /** The upload that takes its words to the device; 0 where they were never used. */
  upload: number;
}

interface Page {
  readonly buffer: GPUBuffer;
  readonly words: Uint32Array<ArrayBuffer>;
  /** Words that the device does not have yet: none where `from` is no less than `to`. */
  from: number;
  to: number;
}

/** The slots of the dispatches that bind the same buffers: as many as they have different parameters in one submission. */
export class ParamSlots {
  readonly #slots: ParamSlot[] = [];

  /** Where the parameters are from now on: in a slot that holds them, or one that the submission has not used, or a new one. */
  put(params: Uint32Array, memory: ParamMemory): ParamSlot {
    const holder = this.#slots.find((slot) => memory.holds(slot, params));
    const slot = holder ?? this.#slots.find((slot) => memory.isFree(slot)) ?? this.#add(memory.take());
    if (slot !== holder) memory.write(slot, params);
    memory.use(slot);
    return slot;
  }

  #add(slot: ParamSlot): ParamSlot {
    this.#slots.push(slot);
    return slot;
  }
}

/** Uniform buffers of slots, and what of them the device has not been given yet. */
export class ParamMemory {
  readonly #device: GPUDevice;
  readonly #buffers: BufferPool;
  readonly #pages: Page[] = [];
  #numSlots = 0;
  #upload = 1;

  constructor(device: GPUDevice, buffers: BufferPool) {
    this.#device = device;
    this.#buffers = buffers;
  }

  take(): ParamSlot {
    const index = this.#numSlots++ % SLOTS_PER_BUFFER;
    if (index === 0) this.#pages.push(this.#newPage());
    const page = this.#pages[this.#pages.length - 1];
    return { buffer: page.buffer, offset: index * SLOT_BYTES, page, version: 0, upload: 0 };
  }

  holds({ page, offset, upload }: ParamSlot, params: Uint32Array): boolean {
    if (upload === 0) return false;
    const first = offset / Uint32Array.BYTES_PER_ELEMENT;
    for (let i = 0; i < params.length; i++) if (page.words[first + i] !== params[i]) return false;
    return true;
  }

  /** Whether no dispatch since the last upload reads the slot. */
  isFree({ upload }: ParamSlot): boolean {
    return upload !== this.#upload;
  }

  /** A dispatch of the submission reads the slot. */
  use(slot: ParamSlot): void {
    slot.upload = this.#upload;
  }

  /** @param params `SLOT_BYTES` at most */
  write(slot: ParamSlot, params: Uint32Array): void {
    const { page, offset } = slot;
    slot.version++;
    const first = offset / Uint32Array.BYTES_PER_ELEMENT;
    page.words.set(params, first);
    page.from = Math.min(page.from, first);
    page.to = Math.max(page.to, first + SLOT_WORDS);
  }

  /** Enqueues what changed since the last upload. */
  upload(): void {
    for (const page of this.#pages) {
      const { buffer, words, from, to } = page;
      if (from >= to) continue;
      const { BYTES_PER_ELEMENT: bytes } = words;
      this.#device.queue.writeBuffer(buffer, from * bytes, words, from, to - from);
      [page.from, page.to] = [words.length, 0];
    }
    this.#upload++;
  }

  #newPage(): Page {
    const words = new Uint32Array(SLOT_WORDS * SLOTS_PER_BUFFER);
    return { buffer: this.#buffers.uniform(words.byteLength), words, from: words.length, to: 0 };
  }
}

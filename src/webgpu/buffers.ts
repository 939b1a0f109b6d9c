import type { MemoryKind } from '../ops/ops.js';

/** Creates buffers and keeps the ledger of what they hold: WebGPU does not tell how much memory is left. */
export class BufferPool {
  readonly #device: GPUDevice;
  readonly #bytes: Record<MemoryKind, number> = { weights: 0, kv_cache: 0, activations: 0 };
  readonly #buffers = new Set<GPUBuffer>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** Zero-filled storage of at least `bytes`, rounded up to 16. */
  storage(bytes: number, kind: MemoryKind): GPUBuffer {
    const size = storageBytes(bytes);
    this.#bytes[kind] += size;
    return this.#create(
      size,
      GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
      kind,
    );
  }

  uniform(bytes: number): GPUBuffer {
    this.#bytes.activations += bytes;
    return this.#create(bytes, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST, 'uniform');
  }

  /** Storage that holds `data`. */
  upload(data: Uint32Array | Float32Array, kind: MemoryKind): GPUBuffer {
    const buffer = this.storage(data.byteLength, kind);
    this.#device.queue.writeBuffer(buffer, 0, data.buffer, data.byteOffset, data.byteLength);
    return buffer;
  }

  /** Memory of the host that the device copies from, mapped. It is not in the ledger: the device does not hold it. */
  host(bytes: number): GPUBuffer {
    const usage = GPUBufferUsage.MAP_WRITE | GPUBufferUsage.COPY_SRC;
    const buffer = this.#device.createBuffer({
      label: 'host',
      size: storageBytes(bytes),
      usage,
      mappedAtCreation: true,
    });
    this.#buffers.add(buffer);
    return buffer;
  }

  /** Destroys storage once the work already submitted has used it. */
  free(storage: GPUBuffer, kind: MemoryKind): void {
    this.#bytes[kind] -= storage.size;
    this.#buffers.delete(storage);
    storage.destroy();
  }

  memory(): Readonly<Record<MemoryKind, number>> {
    return { ...this.#bytes };
  }

  destroy(): void {
    for (const buffer of this.#buffers) buffer.destroy();
    this.#buffers.clear();
  }

  #create(size: number, usage: number, label: string): GPUBuffer {
    const buffer = this.#device.createBuffer({ label, size, usage });
    this.#buffers.add(buffer);
    return buffer;
  }
}

function storageBytes(bytes: number): number {
  return Math.max(16, Math.ceil(bytes / 16) * 16);
}

import type { MemoryKind } from '../ops/ops.js';

/** Creates buffers and keeps the ledger of what they hold: WebGPU does not tell how much memory is left. */
export class BufferPool {
  readonly #device: GPUDevice;
  readonly #bytes: Record<MemoryKind, number> = { weights: 0, kv_cache: 0, activations: 0 };
  readonly #buffers: GPUBuffer[] = [];
  #staging: GPUBuffer | null = null;

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** Zero-filled storage of at least `bytes`, rounded up to 16. */
  storage(bytes: number, kind: MemoryKind): GPUBuffer {
    const size = Math.max(16, Math.ceil(bytes / 16) * 16);
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

  /**
   * A copy of the first `bytes` bytes, when all submitted work has run. Rejects when the device is lost.
   * One read at a time: they share a staging buffer.
   */
  async read(source: GPUBuffer, bytes: number): Promise<ArrayBuffer> {
    const staging = this.#stagingFor(bytes);
    const encoder = this.#device.createCommandEncoder();
    encoder.copyBufferToBuffer(source, 0, staging, 0, bytes);
    this.#device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ, 0, bytes);
    const copy = staging.getMappedRange(0, bytes).slice(0);
    staging.unmap();
    return copy;
  }

  memory(): Readonly<Record<MemoryKind, number>> {
    return { ...this.#bytes };
  }

  destroy(): void {
    for (const buffer of this.#buffers) buffer.destroy();
    this.#staging?.destroy();
    this.#buffers.length = 0;
    this.#staging = null;
  }

  #stagingFor(bytes: number): GPUBuffer {
    if (this.#staging !== null && this.#staging.size >= bytes) return this.#staging;
    this.#staging?.destroy();
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    this.#staging = this.#device.createBuffer({ label: 'staging', size: Math.max(4096, bytes), usage });
    return this.#staging;
  }

  #create(size: number, usage: number, label: string): GPUBuffer {
    const buffer = this.#device.createBuffer({ label, size, usage });
    this.#buffers.push(buffer);
    return buffer;
  }
}

import { Doze } from './doze.js';
import { elapsedMs, type PassClock, TIMES_BYTES } from './pass-clock.js';
import type { Recorder } from './recorder.js';

/** What was in a buffer when all the work enqueued before the read had run. */
export interface Reading {
  readonly bytes: ArrayBuffer;
  /** Time of the compute passes since the read before, ms; null where none ran or the device cannot tell. */
  readonly gpuMs: number | null;
}

const MIN_STAGING_BYTES = 4096;

/** Copies buffers to the host. Each read that is under way has a staging buffer of its own, and takes over that of one that is done. */
export class Readback {
  readonly #device: GPUDevice;
  readonly #recorder: Recorder;
  readonly #clock: PassClock | null;
  readonly #doze: Doze;
  readonly #all = new Set<GPUBuffer>();
  readonly #idle: GPUBuffer[] = [];

  constructor(device: GPUDevice, recorder: Recorder, clock: PassClock | null, doze = new Doze(0)) {
    this.#device = device;
    this.#recorder = recorder;
    this.#clock = clock;
    this.#doze = doze;
  }

  /** Submits what is recorded, with a copy of the first `bytes` bytes behind it. Rejects when the device is lost. */
  async read(source: GPUBuffer, bytes: number): Promise<Reading> {
    // Something is copied in any case: a buffer that no work uses would be mapped at once.
    const size = Math.max(4, bytes);
    const staging = this.#take(TIMES_BYTES + size);
    let timed = false;
    this.#recorder.submit((encoder) => {
      encoder.copyBufferToBuffer(source, 0, staging, TIMES_BYTES, size);
      timed = this.#clock?.copyTo(encoder, staging) ?? false;
    });
    await this.#doze.until(staging.mapAsync(GPUMapMode.READ, 0, TIMES_BYTES + size));
    const mapped = staging.getMappedRange(0, TIMES_BYTES + size);
    const reading = {
      bytes: mapped.slice(TIMES_BYTES, TIMES_BYTES + bytes),
      gpuMs: timed ? elapsedMs(mapped) : null,
    };
    staging.unmap();
    this.#idle.push(staging);
    return reading;
  }

  /** Reads that are under way reject. */
  destroy(): void {
    for (const staging of this.#all) staging.destroy();
    this.#all.clear();
    this.#idle.length = 0;
    this.#clock?.destroy();
  }

  /** An idle buffer, or where that is too small another in its place. */
  #take(bytes: number): GPUBuffer {
    const idle = this.#idle.pop();
    if (idle !== undefined && idle.size >= bytes) return idle;
    if (idle !== undefined) {
      this.#all.delete(idle);
      idle.destroy();
    }
    const size = Math.max(MIN_STAGING_BYTES, bytes);
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    const made = this.#device.createBuffer({ label: 'staging', size, usage });
    this.#all.add(made);
    return made;
  }
}

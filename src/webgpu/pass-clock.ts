/** Bytes of what `copyTo` copies: start and end of the passes, u64 nanoseconds. */
export const TIMES_BYTES = 16;

/** Times on the device from the start of the first compute pass since the last copy to the end of the last one. */
export class PassClock {
  readonly #times: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  #running = false;

  private constructor(device: GPUDevice) {
    this.#times = device.createQuerySet({ label: 'pass times', type: 'timestamp', count: 2 });
    const usage = GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC;
    this.#resolved = device.createBuffer({ label: 'pass times', size: TIMES_BYTES, usage });
  }

  /** null where the device has no timestamps. */
  static of(device: GPUDevice): PassClock | null {
    return device.features.has('timestamp-query') ? new PassClock(device) : null;
  }

  /** What the next pass is to write. */
  writes(): GPUComputePassTimestampWrites {
    const start = this.#running ? {} : { beginningOfPassWriteIndex: 0 };
    this.#running = true;
    return { querySet: this.#times, ...start, endOfPassWriteIndex: 1 };
  }

  /** Copies the times to the start of `target`. Returns false, and copies nothing, where no pass ran since the last copy. */
  copyTo(encoder: GPUCommandEncoder, target: GPUBuffer): boolean {
    if (!this.#running) return false;
    this.#running = false;
    encoder.resolveQuerySet(this.#times, 0, 2, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, target, 0, TIMES_BYTES);
    return true;
  }

  destroy(): void {
    this.#times.destroy();
    this.#resolved.destroy();
  }
}

/** The time that `copyTo` copied, ms; null where the adapter gave none. */
export function elapsedMs(times: ArrayBuffer): number | null {
  const [start, end] = new BigUint64Array(times, 0, 2);
  return end > start ? Number(end - start) / 1e6 : null;
}

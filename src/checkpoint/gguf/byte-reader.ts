import { CheckpointError } from '../../errors.js';

/** A file, or what stands for one. */
export interface ByteSource {
  readonly file: string;
  /** In bytes. */
  readonly size: number;
  /** `length` bytes from `position` on, which lie within the size. Throws CheckpointError. */
  read(position: number, length: number): Uint8Array;
}

/** Read at once: a header holds hundreds of thousands of short strings. */
const WINDOW_BYTES = 1 << 20;

/** Reads little-endian values one after another. No length is believed before it is compared with the file's size. */
export class ByteReader {
  #position = 0;
  #windowStart = 0;
  #window: Buffer = Buffer.alloc(0);

  constructor(readonly source: ByteSource) {}

  /** Of the next value, from the start of the file. */
  get position(): number {
    return this.#position;
  }

  get remaining(): number {
    return this.source.size - this.#position;
  }

  /** @param field named in errors, as in every method here */
  u8(field: string): number {
    const at = this.#take(1, field);
    return this.#window.readUInt8(at);
  }

  i8(field: string): number {
    const at = this.#take(1, field);
    return this.#window.readInt8(at);
  }

  u16(field: string): number {
    const at = this.#take(2, field);
    return this.#window.readUInt16LE(at);
  }

  i16(field: string): number {
    const at = this.#take(2, field);
    return this.#window.readInt16LE(at);
  }

  u32(field: string): number {
    const at = this.#take(4, field);
    return this.#window.readUInt32LE(at);
  }

  i32(field: string): number {
    const at = this.#take(4, field);
    return this.#window.readInt32LE(at);
  }

  f32(field: string): number {
    const at = this.#take(4, field);
    return this.#window.readFloatLE(at);
  }

  f64(field: string): number {
    const at = this.#take(8, field);
    return this.#window.readDoubleLE(at);
  }

  u64(field: string): bigint {
    const at = this.#take(8, field);
    return this.#window.readBigUInt64LE(at);
  }

  i64(field: string): bigint {
    const at = this.#take(8, field);
    return this.#window.readBigInt64LE(at);
  }

  /**
   * A u64 that counts things of at least `itemBytes` each, which follow.
   * Throws CheckpointError above `max` or what the rest of the file can hold.
   */
  count(field: string, max: number, itemBytes: number): number {
    const value = this.u64(field);
    if (value > BigInt(max)) throw this.error(field, `${value}, but at most ${max} are allowed`);
    if (value * BigInt(itemBytes) > BigInt(this.remaining)) {
      throw this.error(
        field,
        `${value}, but only ${this.remaining} bytes follow: the file is cut off or damaged`,
      );
    }
    return Number(value);
  }

  /** u64 length and so many bytes of UTF-8. */
  string(field: string, maxBytes: number): string {
    const length = this.count(`length of ${field}`, maxBytes, 1);
    const start = this.#take(length, field);
    const text = this.#window.toString('utf8', start, start + length);
    if (text.includes('\uFFFD')) this.#checkUtf8(field, this.#window.subarray(start, start + length));
    return text;
  }

  error(field: string, problem: string): CheckpointError {
    return new CheckpointError(this.source.file, field, problem);
  }

  /** Steps over so many bytes. Returns where they start in the window. */
  #take(length: number, field: string): number {
    if (length > this.remaining) {
      throw this.error(field, `ends at byte ${this.source.size}: the file is cut off or damaged`);
    }
    if (this.#position + length > this.#windowStart + this.#window.length) this.#fill(length);
    const start = this.#position - this.#windowStart;
    this.#position += length;
    return start;
  }

  #fill(length: number): void {
    const bytes = this.source.read(this.#position, Math.min(Math.max(length, WINDOW_BYTES), this.remaining));
    this.#window = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#windowStart = this.#position;
  }

  /** A replacement character may stand in the text itself. */
  #checkUtf8(field: string, bytes: Uint8Array): void {
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      throw this.error(field, 'not valid UTF-8');
    }
  }
}

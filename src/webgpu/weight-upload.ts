import type { Weight, WeightPart } from '../ops/ops.js';
import { type Chunk, chunksOf, type PackedRows } from '../quant/packed-rows.js';
import { tablePairs } from '../quant/tables.js';
import type { PackedWeight, TableName, WeightFormat } from '../quant/weight.js';
import type { BufferPool } from './buffers.js';
import { maxRows, splitRows } from './weights.js';

/** Codes that are read, made and written at a time: large enough that calls cost nothing, small beside any model. */
const CHUNK_BYTES = 2 ** 24;
/** What may lie in the host's memory on its way to the device, beside as much again that is being added. */
const MAX_STAGED_BYTES = 2 ** 25;

/** The arrays of a weight that are uploaded. */
const ARRAYS = ['codes', 'scales', 'zeros'] as const;
type ArrayName = (typeof ARRAYS)[number];

interface UploadDevice {
  readonly queue: GPUQueue;
  readonly limits: Pick<GPUSupportedLimits, 'maxStorageBufferBindingSize'>;
}

/** Brings weights to the device by rows. `writeBuffer` keeps a copy in host memory until the device has it, so it is waited for. */
export class WeightUpload {
  readonly #device: UploadDevice;
  readonly #buffers: BufferPool;
  readonly #chunkBytes: number;
  /** What codes are looked up in, one for all weights. */
  readonly #tables = new Map<TableName, GPUBuffer>();
  #staged = 0;
  #before: Promise<unknown> = Promise.resolve();

  constructor(device: UploadDevice, buffers: BufferPool, chunkBytes = CHUNK_BYTES) {
    this.#device = device;
    this.#buffers = buffers;
    this.#chunkBytes = chunkBytes;
  }

  /** Weights that are in memory already, stacked by rows. @param unit rows that stay together where so many fit a binding */
  put(packed: readonly PackedWeight[], unit = 1): Weight<GPUBuffer> {
    const limit = this.#device.limits.maxStorageBufferBindingSize;
    const parts: WeightPart<GPUBuffer>[] = [];
    let rowStart = 0;
    for (const part of packed.flatMap((whole) => splitRows(whole, limit, unit))) {
      parts.push(this.#putPart(part, rowStart));
      rowStart += part.rows;
    }
    return { rows: rowStart, cols: packed[0]?.cols ?? 0, parts };
  }

  /** The same, a few rows of each at a time. */
  async load(sources: readonly PackedRows[], unit = 1): Promise<Weight<GPUBuffer>> {
    const parts: WeightPart<GPUBuffer>[] = [];
    let rowStart = 0;
    for (const source of sources) {
      for (const part of await this.#loadParts(source, rowStart, unit)) parts.push(part);
      rowStart += source.rows;
    }
    return { rows: rowStart, cols: sources[0]?.cols ?? 0, parts };
  }

  #putPart({ format, rows, cols, codes, scales, zeros }: PackedWeight, rowStart: number) {
    const upload = (data: Uint32Array | null) =>
      data === null ? null : this.#buffers.upload(data, 'weights');
    return {
      format,
      rowStart,
      rows,
      cols,
      codes: this.#buffers.upload(codes, 'weights'),
      scales: upload(scales),
      zeros: this.#table(format) ?? upload(zeros),
    };
  }

  /** What a reader that looks codes up has in place of zero points; null for others. */
  #table({ table }: WeightFormat): GPUBuffer | null {
    if (table === undefined) return null;
    const known = this.#tables.get(table);
    if (known !== undefined) return known;
    const made = this.#buffers.upload(tablePairs(table), 'weights');
    this.#tables.set(table, made);
    return made;
  }

  /** A part for each piece that the device can bind. @param rowStart of the source's first row in its weight */
  async #loadParts(
    source: PackedRows,
    rowStart: number,
    unit: number,
  ): Promise<readonly WeightPart<GPUBuffer>[]> {
    const size = maxRows(source, this.#device.limits.maxStorageBufferBindingSize, unit);
    const parts: WeightPart<GPUBuffer>[] = [];
    for (let at = 0; at < source.rows; at += size) {
      const rows = Math.min(size, source.rows - at);
      const buffers = await this.#loadRows(source, at, rows);
      parts.push({ format: source.format, rowStart: rowStart + at, rows, cols: source.cols, ...buffers });
    }
    return parts;
  }

  async #loadRows(
    source: PackedRows,
    start: number,
    rows: number,
  ): Promise<Pick<WeightPart<GPUBuffer>, ArrayName>> {
    let room: Room | null = null;
    for await (const chunk of chunksOf(source, start, rows, this.#chunkBytes)) {
      room ??= new Room(this.#buffers, chunk.weight, rows);
      await this.#write(room, { ...chunk, start: chunk.start - start });
    }
    if (room === null) throw new RangeError('a weight of no rows');
    const { zeros, ...buffers } = room.buffers();
    return { ...buffers, zeros: this.#table(source.format) ?? zeros };
  }

  async #write(room: Room, { start, weight }: Chunk): Promise<void> {
    for (const name of ARRAYS) {
      const words = weight[name];
      const place = room.places[name];
      if (words === null || place === null) continue;
      const at = 4 * place.wordsPerRow * start;
      this.#device.queue.writeBuffer(place.buffer, at, words.buffer, words.byteOffset, words.byteLength);
      this.#staged += words.byteLength;
    }
    if (this.#staged >= MAX_STAGED_BYTES) await this.#drain();
  }

  /** Waits for what was on its way at the last call, so that reading goes on beside the copies. */
  async #drain(): Promise<void> {
    this.#staged = 0;
    this.#device.queue.submit([]);
    const before = this.#before;
    this.#before = this.#device.queue.onSubmittedWorkDone();
    await before;
  }
}

interface Place {
  readonly buffer: GPUBuffer;
  readonly wordsPerRow: number;
}

/** Buffers for the rows of a part, as large as its first chunk tells: what follows it starts after a multiple of `ROW_STEP` rows. */
class Room {
  readonly places: Readonly<Record<ArrayName, Place | null>>;

  constructor(buffers: BufferPool, first: PackedWeight, rows: number) {
    const place = (words: Uint32Array | null): Place | null => {
      if (words === null) return null;
      const wordsPerRow = words.length / first.rows;
      return { buffer: buffers.storage(4 * wordsPerRow * rows, 'weights'), wordsPerRow };
    };
    this.places = { codes: place(first.codes), scales: place(first.scales), zeros: place(first.zeros) };
  }

  buffers(): Pick<WeightPart<GPUBuffer>, ArrayName> {
    const { codes, scales, zeros } = this.places;
    if (codes === null) throw new RangeError('a weight without codes');
    return { codes: codes.buffer, scales: scales?.buffer ?? null, zeros: zeros?.buffer ?? null };
  }
}

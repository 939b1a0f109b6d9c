import type { HostArea, Weight, WeightPart } from '../ops/ops.js';
import { chunksOf, type PackedRows } from '../quant/packed-rows.js';
import { tablePairs } from '../quant/tables.js';
import type { PackedWeight, TableName, WeightFormat } from '../quant/weight.js';
import type { BufferPool } from './buffers.js';
import { HostAreas, type HostGroup, type HostPlace } from './host-weights.js';
import { maxRows, splitRows } from './weights.js';

/** Rows that are read, made and written at a time, as f32: large enough that calls cost nothing, small beside any model. */
const CHUNK_BYTES = 2 ** 25;
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
  /** Orders of columns, one for all parts of a weight. */
  readonly #orders = new WeakMap<Uint32Array, GPUBuffer>();
  readonly #areas: HostAreas;
  /** Where weights go that are to stay in host memory. */
  #host: HostGroup | null = null;
  #staged = 0;
  #before: Promise<unknown> = Promise.resolve();

  constructor(device: UploadDevice, buffers: BufferPool, chunkBytes = CHUNK_BYTES) {
    this.#device = device;
    this.#buffers = buffers;
    this.#chunkBytes = chunkBytes;
    this.#areas = new HostAreas(buffers);
  }

  /** What `work` loads stays in host memory. */
  async inHost<T>(area: HostArea, work: () => Promise<T>): Promise<{ loaded: T; host: HostGroup }> {
    const host = this.#areas.group(area);
    this.#host = host;
    try {
      return { loaded: await work(), host };
    } finally {
      this.#host = null;
    }
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
    const host = this.#host === null ? {} : { host: this.#host };
    return { rows: rowStart, cols: sources[0]?.cols ?? 0, parts, ...host };
  }

  /** Frees what is a weight's own: not tables and orders of columns, which weights share. */
  unload({ parts }: Weight<GPUBuffer>): void {
    for (const { format, codes, scales, zeros } of parts) {
      for (const buffer of [codes, scales, this.#table(format) === zeros ? null : zeros])
        if (buffer !== null) this.#buffers.free(buffer, 'weights');
    }
  }

  #putPart({ format, rows, cols, codes, scales, zeros, columns }: PackedWeight, rowStart: number) {
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
      ...this.#order(columns),
    };
  }

  /** What a reader that looks codes up has in place of zero points; null for others. */
  #table({ reader, table }: WeightFormat): GPUBuffer | null {
    if (reader !== 'table4' || table === undefined) return null;
    const known = this.#tables.get(table);
    if (known !== undefined) return known;
    const made = this.#buffers.upload(tablePairs(table), 'weights');
    this.#tables.set(table, made);
    return made;
  }

  /** Stays on the device also where the codes do not: it is small beside them. */
  #order(columns: Uint32Array | undefined): Pick<WeightPart<GPUBuffer>, 'columns'> {
    if (columns === undefined) return {};
    const buffer = this.#orders.get(columns) ?? this.#buffers.upload(columns, 'weights');
    this.#orders.set(columns, buffer);
    return { columns: buffer };
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
  ): Promise<Pick<WeightPart<GPUBuffer>, ArrayName | 'columns'>> {
    let room: Room | null = null;
    for await (const { start: at, weight } of chunksOf(source, start, rows, this.#chunkBytes)) {
      room ??= roomFor(weight, rows, (bytes) => this.#place(bytes));
      this.#staged += room.write(weight, at - start);
      if (this.#staged >= MAX_STAGED_BYTES) await this.#drain();
    }
    if (room === null) throw new RangeError('a weight of no rows');
    const { zeros, ...buffers } = room.finish();
    return { ...buffers, zeros: this.#table(source.format) ?? zeros, ...this.#order(source.columns) };
  }

  #place(bytes: number): Place {
    if (this.#host !== null) return hostPlace(this.#host.place(bytes));
    const buffer = this.#buffers.storage(bytes, 'weights');
    const write = (at: number, { buffer: from, byteOffset, byteLength }: Uint32Array) => {
      this.#device.queue.writeBuffer(buffer, at, from, byteOffset, byteLength);
      return byteLength;
    };
    return { buffer, write, finish: () => undefined };
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

/** Where an array goes. */
interface Place {
  /** What kernels bind. */
  readonly buffer: GPUBuffer;
  /** Puts words at a byte, and tells how many bytes of host memory that takes until the device has them. */
  readonly write: (at: number, words: Uint32Array) => number;
  readonly finish: () => void;
}

function hostPlace({ from, to }: HostPlace): Place {
  const mapped = new Uint32Array(from.getMappedRange());
  const write = (at: number, words: Uint32Array) => {
    mapped.set(words, at / 4);
    return 0;
  };
  return { buffer: to, write, finish: () => from.unmap() };
}

interface Room {
  /** @param start row; a multiple of `ROW_STEP` */
  readonly write: (weight: PackedWeight, start: number) => number;
  readonly finish: () => Pick<WeightPart<GPUBuffer>, ArrayName>;
}

/** Places for the rows of a part, as large as its first chunk tells. */
function roomFor(first: PackedWeight, rows: number, placeOf: (bytes: number) => Place): Room {
  const wordsPerRow = (name: ArrayName) => (first[name]?.length ?? 0) / first.rows;
  const placeFor = (name: ArrayName) => (first[name] === null ? null : placeOf(4 * wordsPerRow(name) * rows));
  const places = { codes: placeFor('codes'), scales: placeFor('scales'), zeros: placeFor('zeros') };
  const write = (weight: PackedWeight, start: number) =>
    ARRAYS.reduce((staged, name) => {
      const words = weight[name];
      const bytes = words && places[name]?.write(4 * wordsPerRow(name) * start, words);
      return staged + (bytes ?? 0);
    }, 0);
  const finish = () => {
    for (const name of ARRAYS) places[name]?.finish();
    const { codes, scales, zeros } = places;
    if (codes === null) throw new RangeError('a weight without codes');
    return { codes: codes.buffer, scales: scales?.buffer ?? null, zeros: zeros?.buffer ?? null };
  };
  return { write, finish };
}

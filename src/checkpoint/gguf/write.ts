import { CheckpointError } from '../../errors.js';
import { GGUF_TYPES, type GgufType } from './types.js';

/** A value of a file's metadata. */
export type GgufValue =
  | { readonly type: 'u32' | 'f32'; readonly value: number }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'i32s' | 'f32s'; readonly value: readonly number[] }
  | { readonly type: 'strings'; readonly value: readonly string[] };

/** In the order of the file. */
export type GgufMetadata = ReadonlyMap<string, GgufValue>;

/** A tensor before its data is there. */
export interface GgufTensorSpec {
  readonly name: string;
  readonly type: GgufType;
  /** Outermost first. */
  readonly shape: readonly number[];
}

/** Where the tensors of a file lie. */
export interface GgufLayout {
  /** From the file's first byte to that of the first tensor. */
  readonly header: Uint8Array;
  readonly tensors: readonly {
    readonly tensor: GgufTensorSpec;
    readonly position: number;
    readonly bytes: number;
  }[];
  readonly fileBytes: number;
}

const VERSION = 3;
const ALIGNMENT = 32;
/** The format's ids. */
const IDS = { u32: 4, i32: 5, f32: 6, bool: 7, string: 8, array: 9 } as const;

/**
 * Lays a GGUF file out, version 3, little-endian (the format's description: ggml's docs/gguf.md). The same metadata and tensors give the same
 * bytes. Throws CheckpointError for a name that appears twice, and for rows that are no whole blocks. @param file named in errors
 */
export function layoutGguf(
  file: string,
  metadata: GgufMetadata,
  tensors: readonly GgufTensorSpec[],
): GgufLayout {
  checkNames(file, tensors);
  const sizes = tensors.map((tensor) => tensorBytes(file, tensor));
  const offsets: number[] = [];
  let end = 0;
  for (const bytes of sizes) {
    offsets.push(end);
    end += aligned(bytes);
  }
  const header = padded(
    Buffer.concat([
      Buffer.from('GGUF'),
      u32(VERSION),
      u64(tensors.length),
      u64(metadata.size),
      ...[...metadata].flatMap(([key, value]) => [text(key), encode(value)]),
      ...tensors.map((tensor, i) => tensorInfo(tensor, offsets[i])),
    ]),
  );
  const placed = tensors.map((tensor, i) => ({
    tensor,
    position: header.length + offsets[i],
    bytes: sizes[i],
  }));
  return { header, tensors: placed, fileBytes: header.length + end };
}

/** What a reader makes of the values: numbers of f32 as the file holds them. */
export function readBack(metadata: GgufMetadata): Record<string, unknown> {
  return Object.fromEntries(
    [...metadata].map(([key, { type, value }]) => {
      if (type === 'f32') return [key, Math.fround(value)];
      return [key, type === 'f32s' ? value.map(Math.fround) : value];
    }),
  );
}

function checkNames(file: string, tensors: readonly GgufTensorSpec[]): void {
  const names = new Set<string>();
  for (const { name } of tensors) {
    if (names.has(name)) throw new CheckpointError(file, name, 'appears twice');
    names.add(name);
  }
}

function tensorBytes(file: string, { name, type, shape }: GgufTensorSpec): number {
  const { elements, bytes } = GGUF_TYPES[type];
  const cols = shape[shape.length - 1];
  if (cols % elements === 0) return (shape.reduce((a, b) => a * b, 1) / elements) * bytes;
  throw new CheckpointError(file, name, `rows of ${cols} weights, but ${type} has blocks of ${elements}`);
}

function tensorInfo({ name, type, shape }: GgufTensorSpec, offset: number): Uint8Array {
  const sizes = shape.toReversed().map(u64);
  return Buffer.concat([text(name), u32(shape.length), ...sizes, u32(GGUF_TYPES[type].id), u64(offset)]);
}

function encode(value: GgufValue): Uint8Array {
  switch (value.type) {
    case 'u32':
      return Buffer.concat([u32(IDS.u32), u32(value.value)]);
    case 'f32':
      return Buffer.concat([u32(IDS.f32), bytesOf(Float32Array.of(value.value))]);
    case 'bool':
      return Buffer.concat([u32(IDS.bool), Uint8Array.of(value.value ? 1 : 0)]);
    case 'string':
      return Buffer.concat([u32(IDS.string), text(value.value)]);
    case 'i32s':
      return array(IDS.i32, value.value.length, [bytesOf(Int32Array.from(value.value))]);
    case 'f32s':
      return array(IDS.f32, value.value.length, [bytesOf(Float32Array.from(value.value))]);
    case 'strings':
      return array(IDS.string, value.value.length, value.value.map(text));
    default:
      return value satisfies never;
  }
}

function array(id: number, length: number, items: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([u32(IDS.array), u32(id), u64(length), ...items]);
}

function text(value: string): Uint8Array {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(bytes.length), bytes]);
}

function u32(value: number): Uint8Array {
  return bytesOf(Uint32Array.of(value));
}

function u64(value: number): Uint8Array {
  return bytesOf(BigUint64Array.of(BigInt(value)));
}

function bytesOf({ buffer }: { readonly buffer: ArrayBuffer }): Uint8Array {
  return new Uint8Array(buffer);
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

function padded(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(aligned(bytes.length));
  out.set(bytes);
  return out;
}

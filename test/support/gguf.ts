import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fields } from '#halflight/checkpoint/fields.js';
import { GGUF_TYPES, type GgufType } from '#halflight/checkpoint/gguf/types.js';
import { root } from './paths.js';

/** A value with the format's id of its type. */
export interface GgufValue {
  readonly type: number;
  readonly value: unknown;
}

export interface GgufTensorData {
  readonly name: string;
  readonly type: GgufType;
  /** Innermost first, as the file has them. */
  readonly dims: readonly number[];
  readonly data: Uint8Array;
}

export const u16 = (value: number): GgufValue => ({ type: 2, value });
export const i32 = (value: number): GgufValue => ({ type: 5, value });
export const u32 = (value: number): GgufValue => ({ type: 4, value });
export const f32 = (value: number): GgufValue => ({ type: 6, value });
export const bool = (value: boolean): GgufValue => ({ type: 7, value });
export const string = (value: string): GgufValue => ({ type: 8, value });
export const list = (items: readonly GgufValue[]): GgufValue => ({ type: 9, value: items });
export const strings = (values: readonly string[]): GgufValue => list(values.map(string));

/** Metadata as the header's parser gives it. */
export function fieldsOf(metadata: Readonly<Record<string, unknown>>): Fields {
  return Fields.from(metadata, 'm.gguf');
}

/** Writes a GGUF file's bytes, version 3, by the format's description. */
export function ggufBytes(
  metadata: Readonly<Record<string, GgufValue>>,
  tensors: readonly GgufTensorData[] = [],
): Uint8Array {
  const entries = Object.entries(metadata);
  const keys = entries.flatMap(([key, value]) => [text(key), number(4, value.type), encode(value)]);
  let offset = 0;
  const infos = tensors.flatMap(({ name, type, dims, data }) => {
    const sizes = dims.map((dim) => number(8, dim));
    const at = offset;
    offset += Math.ceil(data.length / 32) * 32;
    return [text(name), number(4, dims.length), ...sizes, number(4, GGUF_TYPES[type].id), number(8, at)];
  });
  const counts = [number(8, tensors.length), number(8, entries.length)];
  const header = Buffer.concat([Buffer.from('GGUF'), number(4, 3), ...counts, ...keys, ...infos]);
  return new Uint8Array(Buffer.concat([header, ...tensors.map(({ data }) => data)].map(padded)));
}

/** The parts of a file as llama-gguf-split makes them: so many tensors in each, and all keys in the first. */
export function ggufParts(
  metadata: Readonly<Record<string, GgufValue>>,
  tensors: readonly GgufTensorData[],
  tensorsPerPart: number,
): Uint8Array[] {
  const numParts = Math.ceil(tensors.length / tensorsPerPart);
  return Array.from({ length: numParts }, (_, part) => {
    const split = {
      'split.no': u16(part),
      'split.count': u16(numParts),
      'split.tensors.count': i32(tensors.length),
    };
    const own = tensors.slice(part * tensorsPerPart, (part + 1) * tensorsPerPart);
    return ggufBytes(part === 0 ? { ...metadata, ...split } : split, own);
  });
}

function padded(data: Uint8Array): Uint8Array {
  return Buffer.concat([data, new Uint8Array((32 - (data.length % 32)) % 32)]);
}

function encode({ type, value }: GgufValue): Uint8Array {
  if (type === 8) return text(String(value));
  if (type === 6) return new Uint8Array(Float32Array.of(Number(value)).buffer);
  if (type === 7) return Uint8Array.of(value === true ? 1 : 0);
  if (type === 2) return new Uint8Array(Uint16Array.of(Number(value)).buffer);
  if (type === 5) return new Uint8Array(Int32Array.of(Number(value)).buffer);
  if (type === 4) return number(4, Number(value));
  const items = value as readonly GgufValue[];
  return Buffer.concat([number(4, items[0]?.type ?? 4), number(8, items.length), ...items.map(encode)]);
}

function text(value: string): Uint8Array {
  return Buffer.concat([number(8, Buffer.byteLength(value)), Buffer.from(value)]);
}

function number(bytes: 4 | 8, value: number): Uint8Array {
  const buffer = Buffer.alloc(bytes);
  if (bytes === 4) buffer.writeUInt32LE(value);
  else buffer.writeBigUInt64LE(BigInt(value));
  return buffer;
}

/** Tokens, types and merges of the bundled model. */
export function fableTokens(): Record<string, GgufValue> {
  const file = join(root, 'models/fable/tokenizer.json');
  const { model, added_tokens: added } = JSON.parse(readFileSync(file, 'utf8')) as {
    model: { vocab: Record<string, number>; merges: [string, string][] };
    added_tokens: { id: number; content: string }[];
  };
  const vocab = { ...model.vocab, ...Object.fromEntries(added.map(({ id, content }) => [content, id])) };
  const tokens = Object.keys(vocab).sort((a, b) => vocab[a] - vocab[b]);
  return {
    'tokenizer.ggml.model': string('gpt2'),
    'tokenizer.ggml.tokens': strings(tokens),
    'tokenizer.ggml.token_type': list(
      tokens.map((_, id) => u32(added.some((token) => token.id === id) ? 3 : 1)),
    ),
    'tokenizer.ggml.merges': strings(model.merges.map((merge) => merge.join(' '))),
    'tokenizer.ggml.bos_token_id': u32(0),
    'tokenizer.ggml.eos_token_id': u32(2),
  };
}

/** The types of a small model's matrices: two that the device holds as they are, one that it holds in f32, one of floats. */
const SMALL_TYPES: Readonly<Record<string, GgufType>> = { ffn_gate: 'Q4_0', ffn_up: 'Q4_1', attn_v: 'F16' };

/** A Llama of one layer of 32 and as many tokens, all weights 0; the data of its tensors are the last bytes. */
export function smallGguf(): { bytes: Uint8Array; dataBytes: number } {
  const layer = ['attn_q', 'attn_k', 'attn_v', 'attn_output', 'ffn_gate', 'ffn_up', 'ffn_down'];
  const tensors = [
    smallTensor('token_embd.weight', 'Q8_0', [32, 32]),
    ...['output_norm', 'blk.0.attn_norm', 'blk.0.ffn_norm'].map((name) =>
      smallTensor(`${name}.weight`, 'F32', [32]),
    ),
    ...layer.map((name) => smallTensor(`blk.0.${name}.weight`, SMALL_TYPES[name] ?? 'Q8_0', [32, 32])),
  ];
  const dataBytes = tensors.reduce((sum, { data }) => sum + data.length, 0);
  return { bytes: ggufBytes(smallMetadata(), tensors), dataBytes };
}

function smallTensor(name: string, type: GgufType, dims: readonly number[]): GgufTensorData {
  const { elements, bytes } = GGUF_TYPES[type];
  const count = dims.reduce((product, dim) => product * dim, 1);
  return { name, type, dims, data: new Uint8Array((count / elements) * bytes) };
}

function smallMetadata(): Record<string, GgufValue> {
  const sizes = ['context_length', 'embedding_length', 'feed_forward_length'];
  const tokens = Array.from({ length: 32 }, (_, i) => String.fromCharCode(97 + i));
  return {
    'general.architecture': string('llama'),
    ...Object.fromEntries(sizes.map((key) => [`llama.${key}`, u32(32)])),
    'llama.block_count': u32(1),
    'llama.attention.head_count': u32(2),
    'llama.attention.layer_norm_rms_epsilon': f32(1e-5),
    'tokenizer.ggml.model': string('gpt2'),
    'tokenizer.ggml.tokens': strings(tokens),
    'tokenizer.ggml.token_type': list(tokens.map((_, i) => u32(i < 2 ? 3 : 1))),
    'tokenizer.ggml.merges': strings(['a b', 'c d']),
    'tokenizer.ggml.bos_token_id': u32(0),
    'tokenizer.ggml.eos_token_id': u32(1),
    'tokenizer.chat_template': string('{{ messages[0].content }}'),
  };
}

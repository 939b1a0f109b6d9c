// A Llama-shaped GGUF file of random weights, for peers that read no other format.
// Layout: github.com/ggml-org/ggml/blob/master/docs/gguf.md

import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { randomWords } from './products.mjs';

const ALIGNMENT = 32;
const U32 = 4;
const F32 = 6;
const STRING = 8;

/** Type number, values in a block and bytes of it. A block of Q4_0 and Q8_0 begins with its f16 scale. */
const TYPES = {
  f32: { id: 0, block: 1, bytes: 4 },
  f16: { id: 1, block: 1, bytes: 2 },
  q4_0: { id: 2, block: 32, bytes: 18 },
  q8_0: { id: 8, block: 32, bytes: 34 },
};

/**
 * @param {string} path
 * @param {{hidden: number, layers: number, heads: number, kvHeads: number, headDim: number, intermediate: number, vocab: number}} shape
 * @param {'f16' | 'q4_0' | 'q8_0'} type of the layers' matrices; the embedding, which is also the output matrix, is q8_0, or f16 with these
 */
export async function writeRandomGguf(path, shape, type) {
  const tensors = tensorsOf(shape, type);
  const file = createWriteStream(path);
  await write(file, header(metadata(shape), tensors));
  const next = randomWords(3);
  for (const tensor of tensors) await write(file, padded(randomTensor(tensor, next)));
  file.end();
  await once(file, 'finish');
}

function metadata(shape) {
  return [
    ['general.architecture', STRING, 'llama'],
    ['general.alignment', U32, ALIGNMENT],
    ['llama.context_length', U32, 8192],
    ['llama.embedding_length', U32, shape.hidden],
    ['llama.block_count', U32, shape.layers],
    ['llama.feed_forward_length', U32, shape.intermediate],
    ['llama.attention.head_count', U32, shape.heads],
    ['llama.attention.head_count_kv', U32, shape.kvHeads],
    ['llama.attention.layer_norm_rms_epsilon', F32, 1e-5],
    ['llama.rope.dimension_count', U32, shape.headDim],
    ['llama.vocab_size', U32, shape.vocab],
    ['tokenizer.ggml.model', STRING, 'no_vocab'],
  ];
}

function tensorsOf({ hidden, layers, heads, kvHeads, headDim, intermediate, vocab }, type) {
  const norm = (name) => ({ name: `${name}.weight`, rows: 1, cols: hidden, type: TYPES.f32 });
  const matrix = (name, rows, cols) => ({ name: `${name}.weight`, rows, cols, type: TYPES[type] });
  const layer = (i) => [
    norm(`blk.${i}.attn_norm`),
    matrix(`blk.${i}.attn_q`, heads * headDim, hidden),
    matrix(`blk.${i}.attn_k`, kvHeads * headDim, hidden),
    matrix(`blk.${i}.attn_v`, kvHeads * headDim, hidden),
    matrix(`blk.${i}.attn_output`, hidden, heads * headDim),
    norm(`blk.${i}.ffn_norm`),
    matrix(`blk.${i}.ffn_gate`, intermediate, hidden),
    matrix(`blk.${i}.ffn_up`, intermediate, hidden),
    matrix(`blk.${i}.ffn_down`, hidden, intermediate),
  ];
  const embedding = { ...matrix('token_embd', vocab, hidden), type: type === 'f16' ? TYPES.f16 : TYPES.q8_0 };
  return [embedding, ...Array.from({ length: layers }, (_, i) => layer(i)).flat(), norm('output_norm')];
}

function header(pairs, tensors) {
  const infos = [];
  let offset = 0;
  for (const tensor of tensors) {
    const dims = tensor.rows === 1 ? [u64(tensor.cols)] : [u64(tensor.cols), u64(tensor.rows)];
    infos.push(string(tensor.name), u32(dims.length), ...dims, u32(tensor.type.id), u64(offset));
    offset += Math.ceil(bytesOf(tensor) / ALIGNMENT) * ALIGNMENT;
  }
  const values = pairs.map(([key, type, value]) =>
    Buffer.concat([string(key), u32(type), encode(type, value)]),
  );
  const start = [Buffer.from('GGUF'), u32(3), u64(tensors.length), u64(pairs.length)];
  return padded(Buffer.concat([...start, ...values, ...infos]));
}

function encode(type, value) {
  if (type === STRING) return string(value);
  if (type === U32) return u32(value);
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

function bytesOf({ rows, cols, type }) {
  return (rows * cols * type.bytes) / type.block;
}

/** Norms of 1, f16 values below 0.06 in size, codes at random with scales of about 0.01. */
function randomTensor(tensor, next) {
  const data = Buffer.alloc(bytesOf(tensor));
  const { type } = tensor;
  if (type === TYPES.f32) new Float32Array(data.buffer, data.byteOffset, data.length / 4).fill(1);
  else for (let i = 0; i + 4 <= data.length; i += 4) data.writeUInt32LE(next(), i);
  if (type === TYPES.f16)
    for (let i = 1; i < data.length; i += 2) data[i] = (data[i] & 0x80) | (0x24 + (data[i] & 7));
  if (type.block > 1)
    for (let i = 0; i < data.length; i += type.bytes) data.writeUInt16LE(0x1f00 + (next() & 255), i);
  return data;
}

function padded(data) {
  return Buffer.concat([data, Buffer.alloc((ALIGNMENT - (data.length % ALIGNMENT)) % ALIGNMENT)]);
}

async function write(file, data) {
  if (!file.write(data)) await once(file, 'drain');
}

function string(text) {
  return Buffer.concat([u64(Buffer.byteLength(text)), Buffer.from(text)]);
}

function u32(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

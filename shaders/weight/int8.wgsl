// 8-bit codes, four per word, low byte first: a chunk is 2 words.
#include "lib/scale.wgsl"
const CODE_BITS = 8u;
// What 1 stands for in a packed value.
const PACKED_UNIT = 1.0;
@group(1) @binding(0) var<storage, read> codes: array<vec2u>;

// The codes of a word, less the zero point. All but the highest are masked where they lie and scaled down, which is exact: that saves a
// shift each. The highest would not fit a signed word.
fn bytes(word: u32, zero: f32) -> vec4f {
  let raised = vec4f(vec4u(word & 0xffu, word & 0xff00u, word & 0xff0000u, word >> 24u));
  return fma(raised, vec4f(1.0, 0x1p-8, 0x1p-16, 1.0), vec4f(-zero));
}

fn decode(words: vec2u, zero: f32) -> Chunk {
  return Chunk(bytes(words.x, zero), bytes(words.y, zero));
}

fn weight_chunk(row: u32, block: u32, chunk: u32) -> Chunk {
  let at = (row * params.weight.blocks + block) * CHUNKS_PER_BLOCK + chunk;
  return decode(codes[at], weight_zero(row, block));
}

fn weight_block(row: u32, block: u32) -> Block {
  let at = (row * params.weight.blocks + block) * CHUNKS_PER_BLOCK;
  let zero = weight_zero(row, block);
  return Block(decode(codes[at], zero), decode(codes[at + 1u], zero), decode(codes[at + 2u], zero), decode(codes[at + 3u], zero));
}

// Code − 128 in each byte.
fn weight_packed(row: u32, block: u32) -> Packed {
  let at = (row * params.weight.blocks + block) * CHUNKS_PER_BLOCK;
  let flip = vec4u(0x80808080u);
  return Packed(vec4u(codes[at], codes[at + 1u]) ^ flip, vec4u(codes[at + 2u], codes[at + 3u]) ^ flip);
}

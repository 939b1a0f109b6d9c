// 8-bit codes, four per word, low byte first: a chunk is 2 words.
#include "lib/scale.wgsl"
const CODE_BITS = 8u;
// What 1 stands for in a packed value.
const PACKED_UNIT = 1.0;
@group(1) @binding(0) var<storage, read> codes: array<vec2u>;

fn bytes(word: u32, zero: f32) -> vec4f {
  return vec4f((vec4u(word) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(255u)) - zero;
}

fn decode(words: vec2u, zero: f32) -> Chunk {
  return Chunk(bytes(words.x, zero), bytes(words.y, zero));
}

fn weight_chunk(row: u32, block: u32, chunk: u32) -> Chunk {
  let at = (row * params.weight.blocks + block) * CHUNKS_PER_BLOCK + chunk;
  return decode(codes[at], weight_zero(row, block, 8u));
}

fn weight_block(row: u32, block: u32) -> Block {
  let at = (row * params.weight.blocks + block) * CHUNKS_PER_BLOCK;
  let zero = weight_zero(row, block, 8u);
  return Block(decode(codes[at], zero), decode(codes[at + 1u], zero), decode(codes[at + 2u], zero), decode(codes[at + 3u], zero));
}

// Code − 128 in each byte.
fn weight_packed(row: u32, block: u32) -> Packed {
  let at = (row * params.weight.blocks + block) * CHUNKS_PER_BLOCK;
  let flip = vec4u(0x80808080u);
  return Packed(vec4u(codes[at], codes[at + 1u]) ^ flip, vec4u(codes[at + 2u], codes[at + 3u]) ^ flip);
}

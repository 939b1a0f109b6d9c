// 8-bit codes, four per word, low byte first: a chunk is 2 words.
#include "lib/scale.wgsl"
const CODE_BITS = 8u;
// What 1 stands for in a packed value.
const PACKED_UNIT = 1.0;
@group(0) @binding(10) var<storage, read> codes: array<vec2u>;

// The codes of a word, less the zero point. Each becomes the end of a mantissa whose exponent gives its lowest bit the value 1; less 2^23
// or 2^15 it is the code, exactly. That saves a conversion each, and half of the shifts.
fn bytes(word: u32, zero: f32) -> vec4f {
  let raised = (vec4u(word, word, word >> 16u, word >> 16u) & vec4u(0xffu, 0xff00u, 0xffu, 0xff00u))
    | vec4u(0x4b000000u, 0x47000000u, 0x4b000000u, 0x47000000u);
  return bitcast<vec4f>(raised) - (vec4f(0x1p23, 0x1p15, 0x1p23, 0x1p15) + zero);
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

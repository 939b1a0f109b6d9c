// 2-bit codes, 16 per word, low bits first.
#include "lib/planes.wgsl"
const CODE_BITS = 2u;
@group(0) @binding(10) var<storage, read> codes: array<vec2u>;

fn code_chunk(row: u32, block: u32, chunk: u32) -> Chunk {
  return twos(codes[row * params.weight.blocks + block][chunk / 2u] >> (16u * (chunk % 2u)));
}

fn code_block(row: u32, block: u32) -> Block {
  let words = codes[row * params.weight.blocks + block];
  return Block(twos(words.x), twos(words.x >> 16u), twos(words.y), twos(words.y >> 16u));
}

// 4-bit codes, eight per word, low nibble first.
#include "lib/planes.wgsl"
const CODE_BITS = 4u;
@group(0) @binding(10) var<storage, read> codes: array<vec4u>;

fn code_chunk(row: u32, block: u32, chunk: u32) -> Chunk {
  return fours(codes[row * params.weight.blocks + block][chunk]);
}

fn code_block(row: u32, block: u32) -> Block {
  let words = codes[row * params.weight.blocks + block];
  return Block(fours(words.x), fours(words.y), fours(words.z), fours(words.w));
}

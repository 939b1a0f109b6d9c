// 4-bit codes, eight per word, low nibble first, that stand for the entries of a table.
#include "lib/group_scale.wgsl"
@group(0) @binding(10) var<storage, read> codes: array<vec4u>;
// For each byte what its two codes stand for: half as many loads as one by one.
@group(0) @binding(12) var<storage, read> pairs: array<vec2f>;

fn decode(word: u32) -> Chunk {
  return Chunk(
    vec4f(pairs[word & 0xffu], pairs[(word >> 8u) & 0xffu]),
    vec4f(pairs[(word >> 16u) & 0xffu], pairs[word >> 24u]),
  );
}

fn weight_chunk(row: u32, block: u32, chunk: u32) -> Chunk {
  return decode(codes[row * params.weight.blocks + block][chunk]);
}

fn weight_block(row: u32, block: u32) -> Block {
  let words = codes[row * params.weight.blocks + block];
  return Block(decode(words.x), decode(words.y), decode(words.z), decode(words.w));
}

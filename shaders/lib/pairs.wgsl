// Weights of 16 bits, two per word, low half first: a chunk is a vec4 of words. The file that includes this defines `halves`.
#include "lib/block_of_chunks.wgsl"
@group(0) @binding(10) var<storage, read> codes: array<vec4u>;

fn weight_chunk(row: u32, block: u32, chunk: u32) -> Chunk {
  let words = codes[(row * params.weight.blocks + block) * CHUNKS_PER_BLOCK + chunk];
  return Chunk(halves(words.xy), halves(words.zw));
}

fn weight_scale(row: u32, block: u32) -> f32 {
  return 1.0;
}

// f32 weights: a chunk is 2 vec4.
#include "lib/block_of_chunks.wgsl"
@group(0) @binding(10) var<storage, read> codes: array<vec4f>;

fn weight_chunk(row: u32, block: u32, chunk: u32) -> Chunk {
  let at = ((row * params.weight.blocks + block) * CHUNKS_PER_BLOCK + chunk) * 2u;
  return Chunk(codes[at], codes[at + 1u]);
}

fn weight_scale(row: u32, block: u32) -> f32 {
  return 1.0;
}

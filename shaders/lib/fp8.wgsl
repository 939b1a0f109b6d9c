// Floats of 8 bits, four per word, low byte first: a chunk is two words. The file that includes this defines `eights`.
#include "lib/group_scale.wgsl"
#include "lib/block_of_chunks.wgsl"
@group(0) @binding(10) var<storage, read> codes: array<vec2u>;

fn weight_chunk(row: u32, block: u32, chunk: u32) -> Chunk {
  let words = codes[(row * params.weight.blocks + block) * CHUNKS_PER_BLOCK + chunk];
  return Chunk(eights(words.x), eights(words.y));
}

// Bytes 0 and 2, and 1 and 3, of a word as f16.
fn interleaved(even: u32, odd: u32) -> vec4f {
  let a = unpack2x16float(even);
  let b = unpack2x16float(odd);
  return vec4f(a.x, b.x, a.y, b.y);
}

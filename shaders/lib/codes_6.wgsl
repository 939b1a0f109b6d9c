// 6-bit codes: four words of their lower four bits, two of their higher two.
#include "lib/planes.wgsl"
const CODE_BITS = 6u;
@group(0) @binding(10) var<storage, read> codes: array<vec2u>;

fn code_chunk(row: u32, block: u32, chunk: u32) -> Chunk {
  let at = (row * params.weight.blocks + block) * 3u;
  let high = codes[at + 2u][chunk / 2u] >> (16u * (chunk % 2u));
  return stacked(fours(codes[at + chunk / 2u][chunk % 2u]), twos(high), 16.0);
}

fn code_block(row: u32, block: u32) -> Block {
  let at = (row * params.weight.blocks + block) * 3u;
  let low = vec4u(codes[at], codes[at + 1u]);
  let high = codes[at + 2u];
  return Block(
    stacked(fours(low.x), twos(high.x), 16.0),
    stacked(fours(low.y), twos(high.x >> 16u), 16.0),
    stacked(fours(low.z), twos(high.y), 16.0),
    stacked(fours(low.w), twos(high.y >> 16u), 16.0),
  );
}

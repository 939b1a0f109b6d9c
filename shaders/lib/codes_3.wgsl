// 3-bit codes: two words of their lower two bits, one of their highest.
#include "lib/planes.wgsl"
const CODE_BITS = 3u;
@group(0) @binding(10) var<storage, read> codes: array<u32>;

fn code_chunk(row: u32, block: u32, chunk: u32) -> Chunk {
  let at = (row * params.weight.blocks + block) * 3u;
  let low = codes[at + chunk / 2u] >> (16u * (chunk % 2u));
  return stacked(twos(low), ones(codes[at + 2u] >> (8u * chunk)), 4.0);
}

fn code_block(row: u32, block: u32) -> Block {
  let at = (row * params.weight.blocks + block) * 3u;
  let low = vec2u(codes[at], codes[at + 1u]);
  let high = codes[at + 2u];
  return Block(
    stacked(twos(low.x), ones(high), 4.0),
    stacked(twos(low.x >> 16u), ones(high >> 8u), 4.0),
    stacked(twos(low.y), ones(high >> 16u), 4.0),
    stacked(twos(low.y >> 16u), ones(high >> 24u), 4.0),
  );
}

// 5-bit codes: four words of their lower four bits, one of their highest.
#include "lib/planes.wgsl"
const CODE_BITS = 5u;
@group(0) @binding(10) var<storage, read> codes: array<u32>;

fn code_chunk(row: u32, block: u32, chunk: u32) -> Chunk {
  let at = (row * params.weight.blocks + block) * 5u;
  return stacked(fours(codes[at + chunk]), ones(codes[at + 4u] >> (8u * chunk)), 16.0);
}

fn code_block(row: u32, block: u32) -> Block {
  let at = (row * params.weight.blocks + block) * 5u;
  let high = codes[at + 4u];
  return Block(
    stacked(fours(codes[at]), ones(high), 16.0),
    stacked(fours(codes[at + 1u]), ones(high >> 8u), 16.0),
    stacked(fours(codes[at + 2u]), ones(high >> 16u), 16.0),
    stacked(fours(codes[at + 3u]), ones(high >> 24u), 16.0),
  );
}

// Scales of two levels, for each 256 codes along K five words: an f16 scale, an f16 scale of minimums, and 16 bytes. They are applied to each code,
// which gives the weights bit by bit.
#include "lib/affine.wgsl"
@group(1) @binding(1) var<storage, read> scales: array<u32>;

// The first of the five words.
fn super_at(row: u32, block: u32) -> u32 {
  return (row * params.weight.groups + block / params.weight.blocks_per_group) * 5u;
}

// Byte i of the 16, in the lowest bits.
fn super_byte(at: u32, i: u32) -> u32 {
  return scales[at + 1u + i / 4u] >> (8u * (i % 4u));
}

fn weight_scale(row: u32, block: u32) -> f32 {
  return 1.0;
}

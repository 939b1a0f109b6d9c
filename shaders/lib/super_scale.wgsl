// Scales of two levels, for each 256 codes along K five words: an f16 scale, an f16 scale of minimums, and two bytes for each block. They are
// applied to each code, which gives the weights bit by bit.
#include "lib/affine.wgsl"
@group(0) @binding(11) var<storage, read> scales: array<u32>;

struct SuperScale {
  // The scale, and that of minimums.
  scale: vec2f,
  // The block's bytes, in the lowest bits.
  bytes: u32,
}

fn super_scale(row: u32, block: u32) -> SuperScale {
  let at = (row * params.weight.groups + block / 8u) * 5u;
  let bytes = scales[at + 1u + block % 8u / 2u] >> (16u * (block % 2u));
  return SuperScale(unpack2x16float(scales[at]), bytes);
}

fn weight_scale(row: u32, block: u32) -> f32 {
  return 1.0;
}

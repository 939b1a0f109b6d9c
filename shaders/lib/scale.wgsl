// Scales of groups; zero points of CODE_BITS bits, rounded up to a power of two, over the flat index.
#include "lib/group_scale.wgsl"
@group(0) @binding(12) var<storage, read> zeros: array<u32>;
override ZERO_POINTS: bool = false;
const ZERO_BITS = 1u << firstLeadingBit(2u * CODE_BITS - 1u);

// What is added to a code less 2^(bits − 1), where zero points are stored.
fn weight_offset(row: u32, block: u32) -> f32 {
  return f32(1u << (CODE_BITS - 1u)) - weight_zero(row, block);
}

// The code that stands for 0.
fn weight_zero(row: u32, block: u32) -> f32 {
  if (!ZERO_POINTS) {
    return f32(1u << (CODE_BITS - 1u));
  }
  let bit = group_index(row, block) * ZERO_BITS;
  return f32(extractBits(zeros[bit / 32u], bit % 32u, ZERO_BITS));
}

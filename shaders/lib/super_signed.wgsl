// A byte is the signed factor of 16 codes, of which 2^(CODE_BITS − 1) stands for 0.
#include "lib/super_scale.wgsl"
fn weight_affine(row: u32, block: u32, half: u32) -> vec2f {
  let at = super_at(row, block);
  let byte = super_byte(at, block % 8u * 2u + half);
  let factor = unpack2x16float(scales[at]).x * f32(extractBits(bitcast<i32>(byte), 0u, 8u));
  return vec2f(factor, -factor * f32(1u << (CODE_BITS - 1u)));
}

// A byte is the factor of 16 codes in its low nibble, and that of their minimum in its high one.
#include "lib/super_scale.wgsl"
fn weight_affine(row: u32, block: u32, half: u32) -> vec2f {
  let at = super_at(row, block);
  let byte = super_byte(at, block % 8u * 2u + half);
  return unpack2x16float(scales[at]) * vec2f(f32(byte & 15u), -f32((byte >> 4u) & 15u));
}

// Codes less their zero point; scales come after the sum.
#include "lib/scale.wgsl"
#include "lib/affine.wgsl"
fn weight_affine(row: u32, block: u32, half: u32) -> vec2f {
  return vec2f(1.0, -weight_zero(row, block));
}

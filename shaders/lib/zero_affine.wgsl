// Codes less their zero point; scales come after the sum.
#include "lib/scale.wgsl"
#include "lib/affine.wgsl"
fn weight_affines(row: u32, block: u32) -> vec4f {
  return vec2f(1.0, -weight_zero(row, block)).xyxy;
}

// Both bytes are signed factors, of 16 codes each, of which 2^(CODE_BITS − 1) stands for 0.
#include "lib/super_scale.wgsl"
fn weight_affines(row: u32, block: u32) -> vec4f {
  let s = super_scale(row, block);
  let bytes = bitcast<i32>(s.bytes);
  let factors = s.scale.x * vec2f(f32(extractBits(bytes, 0u, 8u)), f32(extractBits(bytes, 8u, 8u)));
  let offsets = -factors * f32(1u << (CODE_BITS - 1u));
  return vec4f(factors.x, offsets.x, factors.y, offsets.y);
}

// The first byte is the factor of the block, the second that of its minimum.
#include "lib/super_scale.wgsl"
fn weight_affines(row: u32, block: u32) -> vec4f {
  let s = super_scale(row, block);
  return (s.scale * vec2f(f32(s.bytes & 0xffu), -f32((s.bytes >> 8u) & 0xffu))).xyxy;
}

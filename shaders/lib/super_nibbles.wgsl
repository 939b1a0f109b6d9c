// A byte is the factor of 16 codes in its low nibble, and that of their minimum in its high one.
#include "lib/super_scale.wgsl"
fn weight_affines(row: u32, block: u32) -> vec4f {
  let s = super_scale(row, block);
  let nibbles = vec4f((vec4u(s.bytes) >> vec4u(0u, 4u, 8u, 12u)) & vec4u(0xfu));
  return nibbles * vec2f(s.scale.x, -s.scale.y).xyxy;
}

// Eight bytes are the factors of 32 codes each, the other eight those of their minimums.
#include "lib/super_scale.wgsl"
fn weight_affine(row: u32, block: u32, half: u32) -> vec2f {
  let at = super_at(row, block);
  let i = block % 8u;
  return unpack2x16float(scales[at]) * vec2f(f32(super_byte(at, i) & 0xffu), -f32(super_byte(at, 8u + i) & 0xffu));
}

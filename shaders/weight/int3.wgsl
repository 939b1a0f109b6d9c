// 3-bit codes in planes, with a scale and a zero point for each group.
#include "lib/codes_3.wgsl"
#include "lib/zero_affine.wgsl"
#include "lib/spread.wgsl"

fn code_bytes(row: u32, block: u32) -> Packed {
  let at = (row * params.weight.blocks + block) * 3u;
  let low = vec2u(codes[at], codes[at + 1u]);
  let high = codes[at + 2u];
  let two = vec4u(2u);
  return Packed(
    spread_twos(bytes_of(low.x)) | (spread_ones(nibbles_of(high)) << two),
    spread_twos(bytes_of(low.y)) | (spread_ones(nibbles_of(high >> 16u)) << two),
  );
}

// 5-bit codes in planes, with a scale and a zero point for each group.
#include "lib/codes_5.wgsl"
#include "lib/zero_affine.wgsl"
#include "lib/spread.wgsl"

fn code_bytes(row: u32, block: u32) -> Packed {
  let at = (row * params.weight.blocks + block) * 5u;
  let high = codes[at + 4u];
  let four = vec4u(4u);
  return Packed(
    spread_fours(halves_of(vec2u(codes[at], codes[at + 1u]))) | (spread_ones(nibbles_of(high)) << four),
    spread_fours(halves_of(vec2u(codes[at + 2u], codes[at + 3u]))) | (spread_ones(nibbles_of(high >> 16u)) << four),
  );
}

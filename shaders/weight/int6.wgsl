// 6-bit codes in planes, with a scale and a zero point for each group.
#include "lib/codes_6.wgsl"
#include "lib/zero_affine.wgsl"
#include "lib/spread.wgsl"

fn code_bytes(row: u32, block: u32) -> Packed {
  let at = (row * params.weight.blocks + block) * 3u;
  let high = codes[at + 2u];
  let four = vec4u(4u);
  return Packed(
    spread_fours(halves_of(codes[at])) | (spread_twos(bytes_of(high.x)) << four),
    spread_fours(halves_of(codes[at + 1u])) | (spread_twos(bytes_of(high.y)) << four),
  );
}

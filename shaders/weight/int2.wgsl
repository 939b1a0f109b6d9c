// 2-bit codes in planes, with a scale and a zero point for each group.
#include "lib/codes_2.wgsl"
#include "lib/zero_affine.wgsl"
#include "lib/spread.wgsl"

fn code_bytes(row: u32, block: u32) -> Packed {
  let words = codes[row * params.weight.blocks + block];
  return Packed(spread_twos(bytes_of(words.x)), spread_twos(bytes_of(words.y)));
}

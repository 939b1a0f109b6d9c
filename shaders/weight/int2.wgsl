// 2-bit codes in planes, with a scale and a zero point for each group.
#include "lib/codes_2.wgsl"
#include "lib/zero_affine.wgsl"
#include "lib/spread.wgsl"
// What 1 stands for in a packed value.
const PACKED_UNIT = 1.0;

fn code_bytes(row: u32, block: u32) -> Packed {
  let words = codes[row * params.weight.blocks + block];
  return Packed(spread_twos(bytes_of(words.x)), spread_twos(bytes_of(words.y)));
}

fn weight_packed(row: u32, block: u32) -> Packed {
  return centred(code_bytes(row, block), CODE_BITS);
}

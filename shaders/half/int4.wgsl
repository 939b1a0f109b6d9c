// 4-bit codes divided by 16.
#include "lib/halves_4.wgsl"
const HALF_UNIT = 16.0;
const CODE_UNIT = 0.0625h;
struct HalfCodes { p: u32, q: u32, r: u32, s: u32 }

fn load_half(row: u32, block: u32) -> Loaded {
  let words = codes[row * params.weight.blocks + block];
  return Loaded(HalfCodes(words.x, words.y, words.z, words.w), weight_scale(row, block), weight_zero(row, block));
}

// `linear_row` loads them a turn ahead.
alias RowCodes = Loaded;

fn row_codes(row: u32, block: u32) -> RowCodes {
  return load_half(row, block);
}

fn loaded(w: RowCodes) -> Loaded {
  return w;
}

// 8-bit codes divided by 128.
#include "lib/halves_8.wgsl"
#include "lib/row_late.wgsl"
const HALF_UNIT = 128.0;
const CODE_UNIT = 0.0078125h;
struct HalfCodes { p: vec2u, q: vec2u, r: vec2u, s: vec2u }

// The codes once more, 16 bytes a load.
@group(0) @binding(10) var<storage, read> wide_codes: array<vec4u>;

fn load_half(row: u32, block: u32) -> Loaded {
  let at = (row * params.weight.blocks + block) * 2u;
  let lower = wide_codes[at];
  let upper = wide_codes[at + 1u];
  return Loaded(HalfCodes(lower.xy, lower.zw, upper.xy, upper.zw), weight_scale(row, block), weight_zero(row, block));
}

fn loaded(w: RowCodes) -> Loaded {
  return load_half(w.row, w.block);
}

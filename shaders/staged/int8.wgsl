// Half a block of 8-bit codes, in one load.
#include "lib/halves_8.wgsl"
#include "lib/staged_codes.wgsl"
const RAW_UNITS = 2u;
// The weight's codes again, in vectors twice as wide: no kernel uses both.
@group(0) @binding(10) var<storage, read> code_vectors: array<vec4u>;

fn raw_weights(row: u32, block: u32, unit: u32) -> Raw {
  let at = (row * params.weight.blocks + block) * 2u + unit / 2u;
  return Raw(code_vectors[at], weight_scale(row, block), weight_zero(row, block));
}

fn put_raw(at: u32, raw: Raw) {
  tiles[at] = scaled_unit(half_chunk(raw.codes.xy, raw.zero), raw.scale);
  tiles[at + 1u] = scaled_unit(half_chunk(raw.codes.zw, raw.zero), raw.scale);
}

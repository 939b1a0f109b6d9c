// A block of 4-bit codes.
#include "lib/halves_4.wgsl"
#include "lib/staged_codes.wgsl"
const RAW_UNITS = 4u;

fn raw_weights(row: u32, block: u32, unit: u32) -> Raw {
  return Raw(codes[row * params.weight.blocks + block], weight_scale(row, block), weight_zero(row, block));
}

fn put_raw(at: u32, raw: Raw) {
  tiles[at] = scaled_unit(half_chunk(raw.codes.x, raw.zero), raw.scale);
  tiles[at + 1u] = scaled_unit(half_chunk(raw.codes.y, raw.zero), raw.scale);
  tiles[at + 2u] = scaled_unit(half_chunk(raw.codes.z, raw.zero), raw.scale);
  tiles[at + 3u] = scaled_unit(half_chunk(raw.codes.w, raw.zero), raw.scale);
}

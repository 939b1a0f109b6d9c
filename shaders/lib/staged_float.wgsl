// Weights of readers that decode only to f32: a block, decoded and scaled as it is loaded and rounded to f16 as it is put.
const RAW_UNITS = 4u;
alias Raw = Block;

fn x_unit(words: vec4u) -> vec4u {
  return words;
}

fn raw_weights(row: u32, block: u32, unit: u32) -> Raw {
  return block_scaled(weight_block(row, block), weight_scale(row, block));
}

fn unit_of(w: Chunk) -> vec4u {
  return vec4u(bitcast<vec2u>(vec4<f16>(w.a)), bitcast<vec2u>(vec4<f16>(w.b)));
}

fn put_raw(at: u32, raw: Raw) {
  tiles[at] = unit_of(raw.p);
  tiles[at + 1u] = unit_of(raw.q);
  tiles[at + 2u] = unit_of(raw.r);
  tiles[at + 3u] = unit_of(raw.s);
}

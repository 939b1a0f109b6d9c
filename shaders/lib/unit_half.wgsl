// What a lane of `linear_staged` loads at once: a block of codes, which meet activations two at a time.
#include "lib/half_dot.wgsl"
const BLOCK_UNITS = 1u;
alias Unit = Loaded;
alias UnitX = HalfBlock;

fn load_unit(row: u32, unit: u32) -> Unit {
  return load_half(row, unit);
}

fn unit_x(block: u32) -> UnitX {
  return UnitX(staged_chunk(block, 0u), staged_chunk(block, 1u), staged_chunk(block, 2u), staged_chunk(block, 3u));
}

fn unit_dot(w: Unit, x: UnitX) -> f32 {
  return half_dot(w, x);
}

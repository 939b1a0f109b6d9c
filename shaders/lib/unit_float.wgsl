// What a lane of `linear_staged` loads at once: a chunk of weights of 16 bits, which are multiplied in f32.
#include "lib/halves.wgsl"
const BLOCK_UNITS = CHUNKS_PER_BLOCK;
alias Unit = vec4u;
alias UnitX = Chunk;

fn half_order(a: vec4<f16>, b: vec4<f16>) -> HalfChunk {
  return HalfChunk(a.xy, a.zw, b.xy, b.zw);
}

fn load_unit(row: u32, unit: u32) -> Unit {
  return codes[row * params.weight.blocks * BLOCK_UNITS + unit];
}

fn unit_x(unit: u32) -> UnitX {
  let v = staged_chunk(unit / BLOCK_UNITS, unit % BLOCK_UNITS);
  return Chunk(vec4f(vec4(v.a, v.b)), vec4f(vec4(v.c, v.d)));
}

fn unit_dot(w: Unit, x: UnitX) -> f32 {
  return add_chunk(0.0, Chunk(halves(w.xy), halves(w.zw)), x);
}

// How `linear_row` multiplies a block of activations with one of the weight: two f16 at a time. Norms are operations of their own here.
#include "lib/half_dot.wgsl"
alias RowX = HalfBlock;

fn half_x(token: u32, block: u32, chunk: u32) -> HalfChunk {
  let v = x_eight(token * params.x_stride + (block * CHUNKS_PER_BLOCK + chunk) * 2u);
  return half_order(v[0], v[1]);
}

fn row_x(token: u32, block: u32) -> RowX {
  return RowX(half_x(token, block, 0u), half_x(token, block, 1u), half_x(token, block, 2u), half_x(token, block, 3u));
}

fn row_squares(v: RowX) -> f32 {
  return 0.0;
}

fn row_normed(v: RowX, block: u32) -> RowX {
  return v;
}

fn row_dot(w: RowCodes, v: RowX) -> f32 {
  return half_dot(loaded(w), v);
}

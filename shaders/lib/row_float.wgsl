// How `linear_row` multiplies a block of activations with one of the weight: in f32.
#include "lib/activation_block.wgsl"
#include "lib/row_late.wgsl"
alias RowX = Block;

fn row_x(token: u32, block: u32) -> RowX {
  return x_block(token, block);
}

fn row_squares(v: RowX) -> f32 {
  return block_dot(v, v);
}

fn row_normed(v: RowX, block: u32) -> RowX {
  return block_product(v, norm_block(block));
}

fn row_dot(w: RowCodes, v: RowX) -> f32 {
  return weight_scale(w.row, w.block) * block_dot(weight_block(w.row, w.block), v);
}

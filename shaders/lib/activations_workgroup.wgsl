// What a lane loads of a block of activations: all of it, for itself. On a GPU lanes that load the same address share the load.
alias LaneX = Block;

fn lane_x(lane: u32, row: u32, block: u32) -> LaneX {
  return x_block(row, block);
}

fn lane_norm(lane: u32, block: u32) -> LaneX {
  return norm_block(block);
}

fn lane_product(v: LaneX, w: LaneX) -> LaneX {
  return block_product(v, w);
}

fn lane_squares(v: LaneX) -> f32 {
  return block_dot(v, v);
}

fn lane_block(v: LaneX) -> Block {
  return v;
}

fn row_squares(of_lane: f32) -> f32 {
  return of_lane;
}

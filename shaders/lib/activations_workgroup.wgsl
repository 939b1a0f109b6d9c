// Each lane loads the activations for itself: on a GPU lanes that load the same address share the load.
fn lane_x_block(lane: u32, row: u32, block: u32) -> Block {
  return x_block(row, block);
}

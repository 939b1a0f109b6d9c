// Each lane loads the block for itself: on a GPU lanes that load the same address share the load.
fn lane_x_packed(lane: u32, row: u32, block: u32) -> Packed {
  return x_packed(row, block);
}

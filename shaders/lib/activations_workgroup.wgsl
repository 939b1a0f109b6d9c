// Each lane loads the activations for itself: on a GPU lanes that load the same address share the load.
fn lane_x_chunk(lane: u32, row: u32, block: u32, chunk: u32) -> Chunk {
  return x_chunk(row, block, chunk);
}

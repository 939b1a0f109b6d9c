// A weight's block, for readers that decode it chunk by chunk.
fn weight_block(row: u32, block: u32) -> Block {
  return Block(
    weight_chunk(row, block, 0u), weight_chunk(row, block, 1u), weight_chunk(row, block, 2u), weight_chunk(row, block, 3u),
  );
}

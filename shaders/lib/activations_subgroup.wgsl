// Each lane of a subgroup of 8 or more loads four activations of the block and the subgroup hands them round: where lanes load one by one,
// this is an eighth of the loads. All lanes of the subgroup must ask for the same block.
fn lane_x_block(lane: u32, row: u32, block: u32) -> Block {
  let v = vec4f(x[row * params.x_stride + block * 8u + lane % 8u]);
  return Block(
    Chunk(subgroupBroadcast(v, 0u), subgroupBroadcast(v, 1u)),
    Chunk(subgroupBroadcast(v, 2u), subgroupBroadcast(v, 3u)),
    Chunk(subgroupBroadcast(v, 4u), subgroupBroadcast(v, 5u)),
    Chunk(subgroupBroadcast(v, 6u), subgroupBroadcast(v, 7u)),
  );
}

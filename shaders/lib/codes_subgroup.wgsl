// Each lane of a subgroup of 8 or more loads one word of the block and the subgroup hands it round: where lanes load one by one, this
// is an eighth of the loads. All lanes of the subgroup must ask for the same block.
fn lane_x_packed(lane: u32, row: u32, block: u32) -> Packed {
  let i = lane % 8u;
  let v = x[row * params.x_stride + block * 2u + i / 4u][i % 4u];
  return Packed(
    vec4u(subgroupBroadcast(v, 0u), subgroupBroadcast(v, 1u), subgroupBroadcast(v, 2u), subgroupBroadcast(v, 3u)),
    vec4u(subgroupBroadcast(v, 4u), subgroupBroadcast(v, 5u), subgroupBroadcast(v, 6u), subgroupBroadcast(v, 7u)),
  );
}

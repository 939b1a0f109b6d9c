// What a lane loads of a block of activations. Each lane of a subgroup of 8 or more loads four and the subgroup hands them round: where lanes
// load one by one, this is an eighth of the loads. All lanes of the subgroup must ask for the same block.
alias LaneX = vec4f;

fn lane_x(lane: u32, row: u32, block: u32) -> LaneX {
  return vec4f(x_vector(row * params.x_stride + block * 8u + lane % 8u));
}

fn lane_norm(lane: u32, block: u32) -> LaneX {
  return norm[block * 8u + lane % 8u];
}

fn lane_product(v: LaneX, w: LaneX) -> LaneX {
  return v * w;
}

fn lane_squares(v: LaneX) -> f32 {
  return add_products(0.0, v, v);
}

fn lane_block(v: LaneX) -> Block {
  return Block(
    Chunk(subgroupBroadcast(v, 0u), subgroupBroadcast(v, 1u)),
    Chunk(subgroupBroadcast(v, 2u), subgroupBroadcast(v, 3u)),
    Chunk(subgroupBroadcast(v, 4u), subgroupBroadcast(v, 5u)),
    Chunk(subgroupBroadcast(v, 6u), subgroupBroadcast(v, 7u)),
  );
}

// The squares of a whole row, of what its lanes summed.
fn row_squares(of_lane: f32) -> f32 {
  let a = vec4f(
    subgroupBroadcast(of_lane, 0u), subgroupBroadcast(of_lane, 1u), subgroupBroadcast(of_lane, 2u), subgroupBroadcast(of_lane, 3u),
  );
  let b = vec4f(
    subgroupBroadcast(of_lane, 4u), subgroupBroadcast(of_lane, 5u), subgroupBroadcast(of_lane, 6u), subgroupBroadcast(of_lane, 7u),
  );
  let c = a + b;
  return (c.x + c.y) + (c.z + c.w);
}

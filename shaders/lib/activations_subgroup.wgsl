// Each lane of a subgroup of 8 or more loads one activation of the chunk and the subgroup hands it round: where lanes load one by one,
// this is an eighth of the loads. All lanes of the subgroup must ask for the same chunk.
fn lane_x_chunk(lane: u32, row: u32, block: u32, chunk: u32) -> Chunk {
  let at = row * params.x_stride + (block * CHUNKS_PER_BLOCK + chunk) * 2u;
  let i = lane % 8u;
  let v = f32(x[at + i / 4u][i % 4u]);
  return Chunk(
    vec4f(subgroupBroadcast(v, 0u), subgroupBroadcast(v, 1u), subgroupBroadcast(v, 2u), subgroupBroadcast(v, 3u)),
    vec4f(subgroupBroadcast(v, 4u), subgroupBroadcast(v, 5u), subgroupBroadcast(v, 6u), subgroupBroadcast(v, 7u)),
  );
}

// Sums over the LANES lanes of a workgroup that is exactly one subgroup: no shared memory, no barrier.
fn lane_sum(lane: u32, value: vec4f) -> vec4f {
  return subgroupAdd(value);
}

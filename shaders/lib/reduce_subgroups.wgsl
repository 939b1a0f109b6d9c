// Sums, maxima and minima over a workgroup of LANES lanes in subgroups of SUBGROUP_LANES, each of neighbouring lanes: within each subgroup, and
// then of the subgroups through shared memory. Every lane gets the result.
override SUBGROUP_LANES: u32 = 32u;
var<workgroup> of_subgroups: array<u32, LANES / SUBGROUP_LANES>;

// Puts the bits of each subgroup's result where all find them, when nobody reads those of the call before any more.
fn share_reduced(lane: u32, bits: u32) {
  workgroupBarrier();
  if (lane % SUBGROUP_LANES == 0u) {
    of_subgroups[lane / SUBGROUP_LANES] = bits;
  }
  workgroupBarrier();
}

fn workgroup_sum(lane: u32, value: f32) -> f32 {
  share_reduced(lane, bitcast<u32>(subgroupAdd(value)));
  var sum = 0.0;
  for (var i = lane % SUBGROUP_LANES; i < LANES / SUBGROUP_LANES; i += SUBGROUP_LANES) {
    sum += bitcast<f32>(of_subgroups[i]);
  }
  return subgroupAdd(sum);
}

fn workgroup_max(lane: u32, value: f32) -> f32 {
  share_reduced(lane, bitcast<u32>(subgroupMax(value)));
  var greatest = bitcast<f32>(of_subgroups[0]);
  for (var i = lane % SUBGROUP_LANES; i < LANES / SUBGROUP_LANES; i += SUBGROUP_LANES) {
    greatest = max(greatest, bitcast<f32>(of_subgroups[i]));
  }
  return subgroupMax(greatest);
}

fn workgroup_least(lane: u32, value: u32) -> u32 {
  share_reduced(lane, subgroupMin(value));
  var least = of_subgroups[0];
  for (var i = lane % SUBGROUP_LANES; i < LANES / SUBGROUP_LANES; i += SUBGROUP_LANES) {
    least = min(least, of_subgroups[i]);
  }
  return subgroupMin(least);
}

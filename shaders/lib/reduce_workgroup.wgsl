// Sums, maxima and minima over a workgroup of LANES lanes, a power of two. Every lane gets the result; the order of additions is fixed.
var<workgroup> reduction: array<f32, LANES>;
var<workgroup> least: array<u32, LANES>;

fn workgroup_sum(lane: u32, value: f32) -> f32 {
  reduction[lane] = value;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      reduction[lane] += reduction[lane + half];
    }
    workgroupBarrier();
  }
  let total = workgroupUniformLoad(&reduction[0]);
  return total;
}

fn workgroup_max(lane: u32, value: f32) -> f32 {
  reduction[lane] = value;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      reduction[lane] = max(reduction[lane], reduction[lane + half]);
    }
    workgroupBarrier();
  }
  let greatest = workgroupUniformLoad(&reduction[0]);
  return greatest;
}

fn workgroup_least(lane: u32, value: u32) -> u32 {
  least[lane] = value;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      least[lane] = min(least[lane], least[lane + half]);
    }
    workgroupBarrier();
  }
  let smallest = workgroupUniformLoad(&least[0]);
  return smallest;
}

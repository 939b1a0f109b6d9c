// Sums and maxima of four values at once over a workgroup of LANES lanes, a power of two. Every lane gets the result; the order of
// additions is fixed.
var<workgroup> reduction: array<vec4f, LANES>;

fn workgroup_sum(lane: u32, value: vec4f) -> vec4f {
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

fn workgroup_max(lane: u32, value: vec4f) -> vec4f {
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

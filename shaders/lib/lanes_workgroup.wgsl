// Sums over the LANES lanes of a workgroup through shared memory, for any adapter. Lane 0 gets the result.
var<workgroup> partial: array<vec4f, LANES>;

fn lane_sum(lane: u32, value: vec4f) -> vec4f {
  partial[lane] = value;
  workgroupBarrier();
  var total = vec4f();
  if (lane == 0u) {
    for (var i = 0u; i < LANES; i++) {
      total += partial[i];
    }
  }
  return total;
}

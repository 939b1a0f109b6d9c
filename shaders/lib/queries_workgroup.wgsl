// What the lanes of an attention tile share, on any adapter. Each lane loads a pair for itself: on a GPU lanes that load the same address share
// the load. Maxima and sums over the LANES lanes, a power of two, go through shared memory; the order of additions is fixed.
struct Pair { a: vec4f, b: vec4f }
var<workgroup> reduction: array<f32, LANES * QUERIES>;

fn query_pair(lane: u32, a: u32, b: u32) -> Pair {
  return Pair(vec4f(q[a]), vec4f(q[b]));
}

fn weight_pair(lane: u32, a: u32, b: u32) -> Pair {
  return Pair(weights[a], weights[b]);
}

fn spread(lane: u32, of_lane: array<f32, MAX_QUERIES>) {
  for (var n = 0u; n < QUERIES; n++) {
    reduction[lane * QUERIES + n] = of_lane[n];
  }
  workgroupBarrier();
}

fn reduced() -> array<f32, MAX_QUERIES> {
  var all: array<f32, MAX_QUERIES>;
  for (var n = 0u; n < QUERIES; n++) {
    all[n] = reduction[n];
  }
  return all;
}

fn greatest_of_lanes(lane: u32, of_lane: array<f32, MAX_QUERIES>) -> array<f32, MAX_QUERIES> {
  spread(lane, of_lane);
  for (var half = LANES * QUERIES / 2u; half >= QUERIES; half /= 2u) {
    for (var at = lane; at < half; at += LANES) {
      reduction[at] = max(reduction[at], reduction[at + half]);
    }
    workgroupBarrier();
  }
  return reduced();
}

fn sum_of_lanes(lane: u32, of_lane: array<f32, MAX_QUERIES>) -> array<f32, MAX_QUERIES> {
  spread(lane, of_lane);
  for (var half = LANES * QUERIES / 2u; half >= QUERIES; half /= 2u) {
    for (var at = lane; at < half; at += LANES) {
      reduction[at] += reduction[at + half];
    }
    workgroupBarrier();
  }
  return reduced();
}

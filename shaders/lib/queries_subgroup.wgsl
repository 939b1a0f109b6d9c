// What the lanes of an attention tile share where the workgroup is exactly one subgroup, of 8 lanes or more.
// Each lane loads one number of a pair and the subgroup hands it round: where lanes load one by one, this is an eighth of the loads. Without
// SHARES each lane loads the pair itself.
override SHARES: bool = true;
struct Pair { a: vec4f, b: vec4f }

fn handed_round(v: f32) -> Pair {
  return Pair(
    vec4f(subgroupBroadcast(v, 0u), subgroupBroadcast(v, 1u), subgroupBroadcast(v, 2u), subgroupBroadcast(v, 3u)),
    vec4f(subgroupBroadcast(v, 4u), subgroupBroadcast(v, 5u), subgroupBroadcast(v, 6u), subgroupBroadcast(v, 7u)),
  );
}

fn query_pair(lane: u32, a: u32, b: u32) -> Pair {
  if (!SHARES) {
    return Pair(vec4f(q[a]), vec4f(q[b]));
  }
  return handed_round(f32(q[select(a, b, lane % 8u >= 4u)][lane % 4u]));
}

fn weight_pair(lane: u32, a: u32, b: u32) -> Pair {
  if (!SHARES) {
    return Pair(weights[a], weights[b]);
  }
  return handed_round(weights[select(a, b, lane % 8u >= 4u)][lane % 4u]);
}

// Values take turns at being the first, so that this is compiled once.
fn greatest_of_lanes(lane: u32, of_lane: array<f32, MAX_QUERIES>) -> array<f32, MAX_QUERIES> {
  var values = of_lane;
  for (var turn = 0u; turn < params.queries; turn++) {
    values = turned(values, subgroupMax(values[0]));
  }
  return values;
}

fn sum_of_lanes(lane: u32, of_lane: array<f32, MAX_QUERIES>) -> array<f32, MAX_QUERIES> {
  var values = of_lane;
  for (var turn = 0u; turn < params.queries; turn++) {
    values = turned(values, subgroupAdd(values[0]));
  }
  return values;
}

// Without the first, and with `last` behind the others.
fn turned(values: array<f32, MAX_QUERIES>, last: f32) -> array<f32, MAX_QUERIES> {
  var turned = values;
  for (var n = 1u; n < QUERIES; n++) {
    turned[n - 1u] = values[n];
  }
  turned[QUERIES - 1u] = last;
  return turned;
}

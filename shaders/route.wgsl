// The experts of each token, one workgroup a token: those of the CHOSEN greatest logits, the lower id among equals, with their weights, the
// softmax of these logits, or without NORMALIZED their part of the softmax of all. Leaves each route as a tile of its own for the products.
override LANES: u32 = 32u;
override CHOSEN: u32 = 2u;
override NORMALIZED: bool = true;
#include reduce
#include "lib/argmax.wgsl"
#include "lib/next_best.wgsl"
struct Params {
  // Experts: columns of logits.
  vocabulary: u32,
  stride: u32,
  experts_stride: u32,
  weights_stride: u32,
  // Where tiles begin in `routes`.
  tiles: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read_write> experts: array<u32>;
@group(0) @binding(3) var<storage, read_write> weights: array<f32>;
// As `lib/routing_experts.wgsl` reads them.
@group(0) @binding(4) var<storage, read_write> routes: array<u32>;
var<workgroup> ids: array<u32, CHOSEN>;

fn write_route(token: u32, chosen: u32, expert: u32) {
  let route = token * CHOSEN + chosen;
  let tile = params.tiles + 3u * route;
  experts[token * params.experts_stride + chosen] = expert;
  routes[route] = route;
  routes[tile] = expert;
  routes[tile + 1u] = route;
  routes[tile + 2u] = 1u;
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.x * params.stride;
  var best = Candidate(LOWEST, NONE);
  var expert = NONE;
  for (var chosen = 0u; chosen < CHOSEN; chosen++) {
    if (best.token == expert) {
      best = next_of(lane, row, best);
    }
    expert = argmax(lane, best.logit, best.token);
    if (lane == 0u) {
      ids[chosen] = expert;
      write_route(group.x, chosen, expert);
    }
  }
  workgroupBarrier();
  let greatest = logits[row + ids[0]];
  var of_lane = 0.0;
  for (var i = lane; i < select(params.vocabulary, CHOSEN, NORMALIZED); i += LANES) {
    of_lane += exp(logits[row + select(i, ids[min(i, CHOSEN - 1u)], NORMALIZED)] - greatest);
  }
  let total = workgroup_sum(lane, of_lane);
  for (var i = lane; i < CHOSEN; i += LANES) {
    weights[group.x * params.weights_stride + i] = exp(logits[row + ids[i]] - greatest) / total;
  }
}

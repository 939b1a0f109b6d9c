// Adds up what workgroups of `linear_gemm` left that share K: y[t][n] = scale · (Σ_s partials[s][t][n] + bias[n]); of gates, y[t][i] = gated(gate i,
// other i).
#include "lib/activation.wgsl"
struct Params {
  tokens: u32,
  // Of the weight's part, and the part's first row in the whole weight.
  outputs: u32,
  first_output: u32,
  y_stride: u32,
  splits: u32,
  has_bias: u32,
  // Add to what y holds, instead of replacing it.
  accumulate: u32,
  // Where not 0, outputs are so many gates and as many others.
  gates: u32,
  scale: f32,
}
@group(0) @binding(0) var<uniform> params: Params;
// [split][token][output]
@group(0) @binding(1) var<storage, read> partials: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<Y>;
#include "lib/store.wgsl"
override LANES: u32 = 64u;

fn sum_of(token: u32, output: u32) -> f32 {
  var sum = 0.0;
  for (var split = 0u; split < params.splits; split++) {
    sum += partials[(split * params.tokens + token) * params.outputs + output];
  }
  if (params.has_bias != 0u) {
    sum += bias[params.first_output + output];
  }
  return params.scale * sum;
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let output = group.x * LANES + lane;
  let at = group.y * params.y_stride + params.first_output + output;
  if (params.gates == 0u && output < params.outputs) {
    store_at(at, sum_of(group.y, output));
  } else if (output < params.gates) {
    store_at(at, gated(sum_of(group.y, output), sum_of(group.y, params.gates + output)));
  }
}

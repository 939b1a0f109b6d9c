// What every matrix product y[t][n] = Σ_k x[t][k] · W[n][k] + bias[n] shares, whatever its tiling.
#include "lib/block.wgsl"
#include "lib/weight_shape.wgsl"
struct Params {
  // Tokens, and output rows of this part of the weight.
  tokens: u32,
  outputs: u32,
  // The part's first row in the whole weight.
  first_output: u32,
  // vec4 per row of x; elements per row of y.
  x_stride: u32,
  y_stride: u32,
  has_bias: u32,
  // Add to what y holds, instead of replacing it.
  accumulate: u32,
  weight: WeightShape,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<X4>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<Y>;
#include weight

fn store_output(token: u32, output: u32, sum: f32) {
  if (token >= params.tokens || output >= params.outputs) {
    return;
  }
  let column = params.first_output + output;
  let at = token * params.y_stride + column;
  var value = sum;
  if (params.has_bias != 0u) {
    value += bias[column];
  }
  if (params.accumulate != 0u) {
    value += f32(y[at]);
  }
  y[at] = Y(value);
}

// The last row of the part instead of one beyond it: loads stay in bounds, the result is not stored.
fn clamp_output(output: u32) -> u32 {
  return min(output, params.outputs - 1u);
}

fn clamp_outputs(output: u32) -> vec4u {
  return min(vec4u(output) + vec4u(0u, 1u, 2u, 3u), vec4u(params.outputs - 1u));
}

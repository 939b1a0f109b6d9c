// What every matrix product y[t][n] = Σ_k x[t][k] · W[n][k] + bias[n] shares, whatever its tiling.
#include "lib/block.wgsl"
#include "lib/weight_shape.wgsl"
#include "lib/activation.wgsl"
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
  // Where not 0, the product's columns are so many gates and as many others, and y[i] = activated(gate i) · other i.
  gates: u32,
  // Columns of x, and what is added to their mean square, where NORM.
  cols: u32,
  eps: f32,
  // Of the products with their bias, before they are activated or added.
  scale: f32,
  weight: WeightShape,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<X4>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<Y>;
// Weight of the RMS norm of x, where NORM.
@group(0) @binding(4) var<storage, read> norm: array<vec4f>;
#include weight
// Rows of x are normalised on the way: squares add up beside the products, and one factor at the end does for all of a row.
override NORM: bool = false;

fn biased(column: u32, sum: f32) -> f32 {
  if (params.has_bias == 0u) {
    return params.scale * sum;
  }
  return params.scale * (sum + bias[column]);
}

fn store(token: u32, column: u32, value: f32) {
  let at = token * params.y_stride + column;
  if (params.accumulate != 0u) {
    y[at] = Y(f32(y[at]) + value);
  } else {
    y[at] = Y(value);
  }
}

fn store_output(token: u32, output: u32, sum: f32) {
  if (token < params.tokens && output < params.outputs) {
    let column = params.first_output + output;
    store(token, column, biased(column, sum));
  }
}

fn store_gated(token: u32, column: u32, gate: f32, other: f32) {
  if (token < params.tokens && column < params.gates) {
    store(token, column, activated(biased(column, gate)) * biased(params.gates + column, other));
  }
}

// The last row of the part instead of one beyond it: loads stay in bounds, the result is not stored.
fn clamp_output(output: u32) -> u32 {
  return min(output, params.outputs - 1u);
}

// The four outputs that tile `tile` computes: neighbours, or two gates and what they gate. Rows beyond the last are the last: loads stay in
// bounds, the results are not stored.
fn tile_rows(tile: u32) -> vec4u {
  var rows = vec4u(tile * 4u) + vec4u(0u, 1u, 2u, 3u);
  if (params.gates != 0u) {
    rows = vec4u(tile * 2u) + vec4u(0u, 1u, params.gates, params.gates + 1u);
  }
  return min(rows, vec4u(params.outputs - 1u));
}

fn store_tile(token: u32, tile: u32, sums: vec4f) {
  if (params.gates != 0u) {
    store_gated(token, tile * 2u, sums.x, sums.z);
    store_gated(token, tile * 2u + 1u, sums.y, sums.w);
    return;
  }
  store_output(token, tile * 4u, sums.x);
  store_output(token, tile * 4u + 1u, sums.y);
  store_output(token, tile * 4u + 2u, sums.z);
  store_output(token, tile * 4u + 3u, sums.w);
}

fn norm_factor(squares: f32) -> f32 {
  return inverseSqrt(squares / f32(params.cols) + params.eps);
}

// What every matrix product y[t][n] = Σ_k x[t][k] · W[n][k] + bias[n] shares, whatever its tiling. `#include x` is how activations lie,
// `#include routing` says which rows of x, of the weight and of y belong together: all of them, or each token's with those of its experts.
#include "lib/block.wgsl"
#include "lib/weight_shape.wgsl"
#include "lib/activation.wgsl"
struct Params {
  // Rows of y.
  tokens: u32,
  // Outputs of the product (with experts, of one of them), and rows of this part of the weight.
  outputs: u32,
  rows: u32,
  // The part's first row in the whole weight.
  first_output: u32,
  // vec4 per row of x; elements per row of y.
  x_stride: u32,
  y_stride: u32,
  has_bias: u32,
  // Add to what y holds, instead of replacing it.
  accumulate: u32,
  // Where not 0, the product's columns are so many gates and as many others, and y[i] = gated(gate i, other i).
  gates: u32,
  // Columns of x, and what is added to their mean square, where NORM.
  cols: u32,
  eps: f32,
  // Of the products with their bias, before they are activated or added.
  scale: f32,
  // With experts: where tiles begin in `routes`, and routes that read one row of x.
  tiles: u32,
  share: u32,
  // Blocks along K of a workgroup of `linear_gemm`.
  split: u32,
  weight: WeightShape,
}
@group(0) @binding(0) var<uniform> params: Params;
#include x
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<Y>;
// Weight of the RMS norm of x, where NORM.
@group(0) @binding(4) var<storage, read> norm: array<vec4f>;
#include weight
// Rows of x are normalised on the way: squares add up beside the products, and one factor at the end does for all of a row.
override NORM: bool = false;
// Tokens in a tile of `linear_tile`, at most.
const MAX_TOKENS = 8u;

// What a workgroup computes: the positions first … end − 1 in the order in which rows are taken. And of its output 0: the row in the weight's
// part, the column of y, and where its bias lies.
struct Place {
  first: u32,
  end: u32,
  row: u32,
  column: u32,
  bias: u32,
}
#include routing
#include "lib/store.wgsl"

fn biased(place: Place, output: u32, sum: f32) -> f32 {
  if (params.has_bias == 0u) {
    return params.scale * sum;
  }
  return params.scale * (sum + bias[place.bias + output]);
}

fn store(place: Place, position: u32, output: u32, value: f32) {
  store_at(y_row(position) * params.y_stride + place.column + output, value);
}

fn store_output(place: Place, position: u32, output: u32, sum: f32) {
  if (position < place.end && output < params.outputs && place.row + output < params.rows) {
    store(place, position, output, biased(place, output, sum));
  }
}

fn store_gated(place: Place, position: u32, output: u32, gate: f32, other: f32) {
  if (position < place.end && output < params.gates) {
    store(place, position, output, gated(biased(place, output, gate), biased(place, params.gates + output, other)));
  }
}

// The row of an output; the part's last instead of one beyond it: loads stay in bounds, the result is not stored.
fn weight_row(place: Place, output: u32) -> u32 {
  return min(place.row + output, params.rows - 1u);
}

// The rows of the four outputs that tile `tile` computes: neighbours, or two gates and what they gate.
fn tile_rows(place: Place, tile: u32) -> vec4u {
  var outputs = vec4u(tile * 4u) + vec4u(0u, 1u, 2u, 3u);
  if (params.gates != 0u) {
    outputs = vec4u(tile * 2u) + vec4u(0u, 1u, params.gates, params.gates + 1u);
  }
  return min(vec4u(place.row) + outputs, vec4u(params.rows - 1u));
}

// The rows of the two outputs of pair `pair`: neighbours, or a gate and what it gates.
fn pair_rows(place: Place, pair: u32) -> vec2u {
  var outputs = vec2u(pair * 2u, pair * 2u + 1u);
  if (params.gates != 0u) {
    outputs = vec2u(pair, params.gates + pair);
  }
  return min(vec2u(place.row) + outputs, vec2u(params.rows - 1u));
}

fn store_pair(place: Place, position: u32, pair: u32, sums: vec2f) {
  if (params.gates != 0u) {
    store_gated(place, position, pair, sums.x, sums.y);
    return;
  }
  store_output(place, position, pair * 2u, sums.x);
  store_output(place, position, pair * 2u + 1u, sums.y);
}

fn store_tile(place: Place, position: u32, tile: u32, sums: vec4f) {
  if (params.gates != 0u) {
    store_gated(place, position, tile * 2u, sums.x, sums.z);
    store_gated(place, position, tile * 2u + 1u, sums.y, sums.w);
    return;
  }
  store_output(place, position, tile * 4u, sums.x);
  store_output(place, position, tile * 4u + 1u, sums.y);
  store_output(place, position, tile * 4u + 2u, sums.z);
  store_output(place, position, tile * 4u + 3u, sums.w);
}

fn norm_factor(squares: f32) -> f32 {
  return inverseSqrt(squares / f32(params.cols) + params.eps);
}

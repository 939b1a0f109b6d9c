// y[t] = (x[t] − mean) / sqrt(variance + eps) · weight + bias: one workgroup a token. The variance is summed around the mean, in a second pass.
override LANES: u32 = 32u;
#include reduce
struct Params {
  cols: u32,
  // Elements per row of x and of y.
  x_stride: u32,
  y_stride: u32,
  eps: f32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<X>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<Y>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let origin = group.x * params.x_stride;
  let to = group.x * params.y_stride;
  var sum = 0.0;
  for (var i = lane; i < params.cols; i += LANES) {
    sum += f32(x[origin + i]);
  }
  let mean = workgroup_sum(lane, sum) / f32(params.cols);
  var squares = 0.0;
  for (var i = lane; i < params.cols; i += LANES) {
    let v = f32(x[origin + i]) - mean;
    squares += v * v;
  }
  let factor = inverseSqrt(workgroup_sum(lane, squares) / f32(params.cols) + params.eps);
  for (var i = lane; i < params.cols; i += LANES) {
    y[to + i] = Y((f32(x[origin + i]) - mean) * factor * weight[i] + bias[i]);
  }
}

// y[t] = x[t] / sqrt(mean(x[t]²) + eps) · weight, or with ADD scale times that added to y[t]: one workgroup a token.
override LANES: u32 = 32u;
override ADD: bool = false;
#include reduce
struct Params {
  cols: u32,
  // Elements per row of x and of y.
  x_stride: u32,
  y_stride: u32,
  eps: f32,
  scale: f32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<X>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<Y>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let origin = group.x * params.x_stride;
  let to = group.x * params.y_stride;
  var squares = 0.0;
  for (var i = lane; i < params.cols; i += LANES) {
    let v = f32(x[origin + i]);
    squares += v * v;
  }
  let mean = workgroup_sum(lane, squares) / f32(params.cols);
  let factor = inverseSqrt(mean + params.eps);
  for (var i = lane; i < params.cols; i += LANES) {
    let v = f32(x[origin + i]) * factor * weight[i];
    if (ADD) {
      y[to + i] = Y(fma(params.scale, v, f32(y[to + i])));
    } else {
      y[to + i] = Y(v);
    }
  }
}

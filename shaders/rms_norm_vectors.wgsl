// As `rms_norm`, for rows that fit the registers of a workgroup: a lane takes VECTORS times four neighbours. It loads them, their weights and
// with ADD what they are added to once, all before the first barrier. Padding is zero in x and in the weight, and so are the zeros stored there.
override LANES: u32 = 32u;
override ADD: bool = false;
#include reduce
struct Params {
  cols: u32,
  // vec4 per row of x and of y.
  x_stride: u32,
  y_stride: u32,
  eps: f32,
  scale: f32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<X4>;
@group(0) @binding(2) var<storage, read> weight: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<Y4>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let origin = group.x * params.x_stride;
  let to = group.x * params.y_stride;
  let count = (params.cols + 3u) / 4u;
  var values: array<vec4f, VECTORS>;
  var weights: array<vec4f, VECTORS>;
  var before: array<vec4f, VECTORS>;
  // Lanes beyond the row load its last vector once more.
  #unroll i VECTORS
    values[i] = vec4f(x[origin + min(lane + i * LANES, count - 1u)]);
  #end
  #unroll i VECTORS
    weights[i] = weight[min(lane + i * LANES, count - 1u)];
  #end
  if (ADD) {
    #unroll i VECTORS
      before[i] = vec4f(y[to + min(lane + i * LANES, count - 1u)]);
    #end
  }
  var squares = 0.0;
  #unroll i VECTORS
    squares += select(0.0, dot(values[i], values[i]), lane + i * LANES < count);
  #end
  let factor = inverseSqrt(workgroup_sum(lane, squares) / f32(params.cols) + params.eps);
  #unroll i VECTORS
    if (lane + i * LANES < count) {
      let v = values[i] * factor * weights[i];
      y[to + lane + i * LANES] = Y4(select(v, fma(vec4f(params.scale), v, before[i]), ADD));
    }
  #end
}

// y[t][i] = activated(x[t][i]), with GATED gated(x[t][i], x[t][cols + i]).
override GATED: bool = true;
#include "lib/activation.wgsl"
struct Params {
  cols: u32,
  x_stride: u32,
  y_stride: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<X>;
@group(0) @binding(2) var<storage, read_write> y: array<X>;

@compute @workgroup_size(32)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x;
  if (i >= params.cols) {
    return;
  }
  let origin = id.y * params.x_stride + i;
  let to = id.y * params.y_stride + i;
  if (GATED) {
    y[to] = X(gated(f32(x[origin]), f32(x[origin + params.cols])));
  } else {
    y[to] = X(activated(f32(x[origin])));
  }
}

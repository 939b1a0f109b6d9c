// x[t][i] = cap · tanh(x[t][i] / cap).
#include "lib/tanh.wgsl"
struct Params {
  cols: u32,
  stride: u32,
  cap: f32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<X>;

@compute @workgroup_size(32)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.cols) {
    return;
  }
  let at = id.y * params.stride + id.x;
  x[at] = X(params.cap * tanh_of(vec4f(f32(x[at]) / params.cap)).x);
}

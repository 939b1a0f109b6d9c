// y[t][i] = silu(x[t][i]) · x[t][cols + i].
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
  let gate = f32(x[origin]);
  y[id.y * params.y_stride + i] = X(gate / (1.0 + exp(-gate)) * f32(x[origin + params.cols]));
}

// y[t] += scale · Σ_j weights[t][j] · x[t · chosen + j], in the order of j.
struct Params {
  cols: u32,
  // Experts of a token.
  chosen: u32,
  x_stride: u32,
  weights_stride: u32,
  y_stride: u32,
  scale: f32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<X>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<Y>;

@compute @workgroup_size(32)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.cols) {
    return;
  }
  var sum = 0.0;
  for (var i = 0u; i < params.chosen; i++) {
    let route = id.y * params.chosen + i;
    sum = fma(weights[id.y * params.weights_stride + i], f32(x[route * params.x_stride + id.x]), sum);
  }
  let at = id.y * params.y_stride + id.x;
  y[at] = Y(fma(params.scale, sum, f32(y[at])));
}

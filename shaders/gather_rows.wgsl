// y[i] = x[logitsRows[i]].
struct Params {
  cols: u32,
  stride: u32,
  logits_rows: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> batch: array<u32>;
@group(0) @binding(2) var<storage, read> x: array<X>;
@group(0) @binding(3) var<storage, read_write> y: array<X>;

@compute @workgroup_size(32)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.cols) {
    return;
  }
  y[id.y * params.stride + id.x] = x[batch[params.logits_rows + id.y] * params.stride + id.x];
}

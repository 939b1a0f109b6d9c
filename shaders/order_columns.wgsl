// y[t][k] = x[t][order[k]], and 0 beyond the last column.
struct Params {
  cols: u32,
  // Elements per row of both.
  stride: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<X>;
@group(0) @binding(2) var<storage, read> order: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<X>;

@compute @workgroup_size(32)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.stride) {
    return;
  }
  let row = id.y * params.stride;
  if (id.x < params.cols) {
    y[row + id.x] = x[row + order[id.x]];
  } else {
    y[row + id.x] = X();
  }
}

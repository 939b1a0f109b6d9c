// inner[t][j] = Σ_k x[t][k] · a[adapter][j][k], one workgroup each; tokens without an adapter are left out.
override LANES: u32 = 32u;
override OF_LOGITS: bool = false;
#include reduce
#include "lib/adapter.wgsl"
struct Params {
  cols: u32,
  x_stride: u32,
  inner_stride: u32,
  // Rows of `a` of one adapter.
  count: u32,
  a_stride: u32,
  sequence_ids: u32,
  adapters: u32,
  logits_rows: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> batch: array<u32>;
@group(0) @binding(2) var<storage, read> x: array<X>;
@group(0) @binding(3) var<storage, read> a: array<f32>;
@group(0) @binding(4) var<storage, read_write> inner: array<f32>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let j = group.x;
  let row = group.y;
  let adapter = adapter_of(row);
  if (adapter == 0u) {
    return;
  }
  let start = ((adapter - 1u) * params.count + j) * params.a_stride;
  let origin = row * params.x_stride;
  var sum = 0.0;
  for (var k = lane; k < params.cols; k += LANES) {
    sum = fma(f32(x[origin + k]), a[start + k], sum);
  }
  let total = workgroup_sum(lane, sum);
  if (lane == 0u) {
    inner[row * params.inner_stride + j] = total;
  }
}

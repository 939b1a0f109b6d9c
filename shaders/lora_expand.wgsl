// y[t][n] += scale · Σ_r b[adapter][n][r] · inner[t][part(n) · rank + r]; tokens without an adapter are left as they are.
override OF_LOGITS: bool = false;
#include "lib/adapter.wgsl"
struct Params {
  size: u32,
  y_stride: u32,
  inner_stride: u32,
  rank: u32,
  b_stride: u32,
  // Where the first and the second part of the outputs end.
  end_0: u32,
  end_1: u32,
  sequence_ids: u32,
  adapters: u32,
  logits_rows: u32,
  scale: f32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> batch: array<u32>;
@group(0) @binding(2) var<storage, read> inner: array<f32>;
@group(0) @binding(3) var<storage, read> b: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<Y>;

@compute @workgroup_size(32)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let n = id.x;
  let adapter = adapter_of(id.y);
  if (n >= params.size || adapter == 0u) {
    return;
  }
  let part = u32(n >= params.end_0) + u32(n >= params.end_1);
  let start = ((adapter - 1u) * params.size + n) * params.b_stride;
  let origin = id.y * params.inner_stride + part * params.rank;
  var sum = 0.0;
  for (var r = 0u; r < params.rank; r++) {
    sum = fma(b[start + r], inner[origin + r], sum);
  }
  let to = id.y * params.y_stride + n;
  y[to] = Y(fma(params.scale, sum, f32(y[to])));
}

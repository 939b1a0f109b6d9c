// One workgroup a token and head of qkv: normalises q and k heads where QK_NORM, rotates them, and writes q to its tensor, k and v to their
// slot of the cache [block][kvHead][slot][D].
override LANES: u32 = 32u;
override QK_NORM: bool = false;
#include "lib/reduce.wgsl"
struct Params {
  heads: u32,
  kv_heads: u32,
  head_dim: u32,
  rotary_dim: u32,
  block_size: u32,
  // Elements per row.
  qkv_stride: u32,
  q_stride: u32,
  rope_stride: u32,
  // Offsets within the batch.
  positions: u32,
  slots: u32,
  eps: f32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> batch: array<u32>;
@group(0) @binding(2) var<storage, read> qkv: array<X>;
@group(0) @binding(3) var<storage, read> rope: array<f32>;
// [2][head_dim]: the norm of q, then that of k.
@group(0) @binding(4) var<storage, read> norms: array<f32>;
@group(0) @binding(5) var<storage, read_write> q: array<X>;
@group(0) @binding(6) var<storage, read_write> k_cache: array<X>;
@group(0) @binding(7) var<storage, read_write> v_cache: array<X>;

// 1 / rms of the head, or 1 where heads are not normalised.
fn head_factor(lane: u32, origin: u32) -> f32 {
  if (!QK_NORM) {
    return 1.0;
  }
  var squares = 0.0;
  for (var i = lane; i < params.head_dim; i += LANES) {
    let v = f32(qkv[origin + i]);
    squares += v * v;
  }
  return inverseSqrt(workgroup_sum(lane, squares) / f32(params.head_dim) + params.eps);
}

fn normalized(origin: u32, i: u32, factor: f32, norm_row: u32) -> f32 {
  let v = f32(qkv[origin + i]);
  if (!QK_NORM) {
    return v;
  }
  return v * factor * norms[norm_row * params.head_dim + i];
}

// Dimension i of the rotated head; i pairs with i ± rotary_dim/2.
fn rotated(origin: u32, i: u32, factor: f32, norm_row: u32, angles: u32) -> f32 {
  let v = normalized(origin, i, factor, norm_row);
  if (i >= params.rotary_dim) {
    return v;
  }
  let half = params.rotary_dim / 2u;
  let low = i < half;
  let pair = i % half;
  let other = normalized(origin, select(i - half, i + half, low), factor, norm_row);
  return v * rope[angles + pair] + select(other, -other, low) * rope[angles + half + pair];
}

fn cache_index(token: u32, kv_head: u32) -> u32 {
  let slot = batch[params.slots + token];
  let block = slot / params.block_size;
  return ((block * params.kv_heads + kv_head) * params.block_size + slot % params.block_size) * params.head_dim;
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let token = group.y;
  let head = group.x;
  let origin = token * params.qkv_stride + head * params.head_dim;
  let factor = head_factor(lane, origin);
  let angles = batch[params.positions + token] * params.rope_stride;
  for (var i = lane; i < params.head_dim; i += LANES) {
    if (head < params.heads) {
      q[token * params.q_stride + head * params.head_dim + i] = X(rotated(origin, i, factor, 0u, angles));
    } else if (head < params.heads + params.kv_heads) {
      k_cache[cache_index(token, head - params.heads) + i] = X(rotated(origin, i, factor, 1u, angles));
    } else {
      v_cache[cache_index(token, head - params.heads - params.kv_heads) + i] = qkv[origin + i];
    }
  }
}

// One workgroup a token and head of qkv: normalises q and k where QK_NORM, rotates them, and writes q to its tensor, k and v to their
// slot of the cache. A lane takes four neighbouring dimensions at a time; the head's size is a multiple of 4.
override LANES: u32 = 32u;
override HEAD_DIM: u32 = 64u;
override QK_NORM: bool = false;
// Q is normalised as one vector, and so is K, instead of head by head: each head's workgroup sums the squares of them all.
override WHOLE: bool = false;
#include reduce
#include "lib/kv_place.wgsl"
#include "lib/rotate.wgsl"
struct Params {
  heads: u32,
  kv_heads: u32,
  head_dim: u32,
  rotary_dim: u32,
  block_size: u32,
  // Elements per row; for q, vec4.
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
// [2][head_dim]: the norm of q, then that of k; with WHOLE [heads + kv_heads][head_dim].
@group(0) @binding(4) var<storage, read> norms: array<f32>;
@group(0) @binding(5) var<storage, read_write> q: array<X4>;
@group(0) @binding(6) var<storage, read_write> k_cache: array<Kv4>;
@group(0) @binding(7) var<storage, read_write> v_cache: array<Kv4>;

// 1 / rms of `size` values.
fn norm_factor(lane: u32, origin: u32, size: u32) -> f32 {
  var squares = 0.0;
  for (var i = lane; i < size; i += LANES) {
    let v = f32(qkv[origin + i]);
    squares += v * v;
  }
  return inverseSqrt(workgroup_sum(lane, squares) / f32(size) + params.eps);
}

fn normalized(head: Head, i: u32) -> f32 {
  let v = f32(qkv[head.origin + i]);
  if (!QK_NORM || head.is_v) {
    return v;
  }
  return v * head.factor * norms[head.norm + i];
}

fn scale_of(lane: u32, head: Head) -> f32 {
  if (KV_SCALES == 0u) {
    return 1.0;
  }
  var greatest = vec4f();
  for (var chunk = lane; chunk < params.head_dim / 4u; chunk += LANES) {
    greatest = max(greatest, abs(rotated4(head, chunk)));
  }
  let across = max(max(greatest.x, greatest.y), max(greatest.z, greatest.w));
  return kv_scale_of(workgroup_max(lane, across));
}

// What the head at workgroup `index` is normalised with begins at the row's origin or behind q.
fn whole_factor(lane: u32, row: u32, index: u32) -> f32 {
  if (index < params.heads) {
    return norm_factor(lane, row, params.heads * params.head_dim);
  }
  return norm_factor(lane, row + params.heads * params.head_dim, params.kv_heads * params.head_dim);
}

fn place_of(token: u32, kv_head: u32) -> KvPlace {
  let slot = batch[params.slots + token];
  return kv_place(slot / params.block_size, slot % params.block_size, kv_head, params.head_dim / 4u);
}

// Puts the head where a type gets at it that stores a value by the others of its head. Q and K are stored as the type has them.
fn gather(lane: u32, head: Head, is_v: bool) {
  let chunks = params.head_dim / 4u;
  for (var chunk = lane; chunk < chunks; chunk += LANES) {
    kv_gather(chunk, rotated4(head, chunk));
  }
  workgroupBarrier();
  if (!is_v) {
    kv_mix(lane, chunks);
  }
}

fn query4(head: Head, chunk: u32) -> vec4f {
  if (KV_GATHERS) {
    return kv_gathered(chunk);
  }
  return rotated4(head, chunk);
}

fn store_packed(lane: u32, head: Head, to: u32) {
  let chunks = params.head_dim / 4u;
  for (var element = lane; element < kv_elements(chunks); element += LANES) {
    let stored = kv_packed(element, chunks);
    if (head.is_v) {
      v_cache[to + element] = stored;
    } else {
      k_cache[to + element] = stored;
    }
  }
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let token = group.y;
  let chunks = params.head_dim / 4u;
  var head: Head;
  head.origin = token * params.qkv_stride + group.x * params.head_dim;
  head.angles = batch[params.positions + token] * params.rope_stride;
  head.is_v = group.x >= params.heads + params.kv_heads;
  head.norm = select(0u, params.head_dim, group.x >= params.heads);
  if (WHOLE) {
    head.norm = group.x * params.head_dim;
    head.factor = whole_factor(lane, token * params.qkv_stride, group.x);
  } else if (QK_NORM) {
    head.factor = norm_factor(lane, head.origin, params.head_dim);
  }
  if (KV_GATHERS) {
    gather(lane, head, group.x >= params.heads + params.kv_heads);
  }
  if (group.x < params.heads) {
    let origin = token * params.q_stride + group.x * chunks;
    for (var chunk = lane; chunk < chunks; chunk += LANES) {
      q[origin + chunk] = X4(query4(head, chunk));
    }
    return;
  }
  let place = place_of(token, (group.x - params.heads) % params.kv_heads);
  if (KV_GATHERS) {
    store_packed(lane, head, place.head);
    return;
  }
  let scale = scale_of(lane, head);
  for (var chunk = lane; chunk < chunks; chunk += LANES) {
    let stored = kv_encode(rotated4(head, chunk), scale);
    if (head.is_v) {
      v_cache[place.head + chunk] = stored;
    } else {
      k_cache[place.head + chunk] = stored;
    }
  }
  if (KV_SCALES > 0u && lane == 0u) {
    if (head.is_v) {
      v_cache[place.scale] = kv_encode_scale(scale);
    } else {
      k_cache[place.scale] = kv_encode_scale(scale);
    }
  }
}

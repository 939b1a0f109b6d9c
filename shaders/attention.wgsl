// Paged attention, one workgroup a token and query head. The context is walked in tiles of 4 · LANES positions: each lane scores four
// neighbouring positions, then each lane sums the tile's values for its own dimensions, with the running maximum and sum of the online
// softmax (Milakov & Gimelshein, arXiv 1805.02867). The block size is a multiple of 4, so four neighbours share a block.
override LANES: u32 = 32u;
override HEAD_DIM: u32 = 64u;
#include "lib/reduce.wgsl"
#include "lib/kv_place.wgsl"
struct Params {
  heads: u32,
  kv_heads: u32,
  block_size: u32,
  // vec4 per row of q and of the output.
  q_stride: u32,
  y_stride: u32,
  // Positions that a token sees, itself included; 0 sees all.
  window: u32,
  scale: f32,
  // Offsets within the batch, and physical blocks per sequence in the block tables.
  positions: u32,
  sequences: u32,
  block_tables: u32,
  max_blocks: u32,
  // Always CHUNKS.
  chunks: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> batch: array<u32>;
@group(0) @binding(2) var<storage, read> q: array<X4>;
@group(0) @binding(3) var<storage, read> k_cache: array<Kv4>;
@group(0) @binding(4) var<storage, read> v_cache: array<Kv4>;
@group(0) @binding(5) var<storage, read_write> y: array<X4>;
// Of each lane: the softmax weights of its four positions, times the scales of V, and where the first of them lies in the caches.
var<workgroup> weights: array<vec4f, LANES>;
var<workgroup> places: array<u32, LANES>;

const LOWEST = -3.4e38;
// vec4 of a head; those that one lane sums, of which no more than MAX_CHUNKS.
override CHUNKS: u32 = HEAD_DIM / 4u;
override LANE_CHUNKS: u32 = (CHUNKS + LANES - 1u) / LANES;
const MAX_CHUNKS = 8u;

fn place_of(table: u32, position: u32, kv_head: u32) -> KvPlace {
  let block = batch[table + position / params.block_size];
  return kv_place(block, position % params.block_size, kv_head, CHUNKS);
}

// Scales of four neighbouring positions.
fn k_scales(at: u32) -> vec4f {
  if (KV_SCALES == 0u) {
    return vec4f(1.0);
  }
  return vec4f(
    kv_decode_scale(k_cache[at]), kv_decode_scale(k_cache[at + 1u]), kv_decode_scale(k_cache[at + 2u]),
    kv_decode_scale(k_cache[at + 3u]),
  );
}

fn v_scales(at: u32) -> vec4f {
  if (KV_SCALES == 0u) {
    return vec4f(1.0);
  }
  return vec4f(
    kv_decode_scale(v_cache[at]), kv_decode_scale(v_cache[at + 1u]), kv_decode_scale(v_cache[at + 2u]),
    kv_decode_scale(v_cache[at + 3u]),
  );
}

fn sum_of(v: vec4f) -> f32 {
  return (v.x + v.y) + (v.z + v.w);
}

// q·k of four neighbouring positions.
fn scores(query: u32, place: KvPlace) -> vec4f {
  var s0 = vec4f();
  var s1 = vec4f();
  var s2 = vec4f();
  var s3 = vec4f();
  // The count comes from the uniforms so that the loop stays one: unrolled, it takes a software adapter half a minute to compile.
  for (var i = 0u; i < params.chunks; i++) {
    let v = vec4f(q[query + i]);
    s0 += v * kv_decode(k_cache[place.head + i]);
    s1 += v * kv_decode(k_cache[place.head + CHUNKS + i]);
    s2 += v * kv_decode(k_cache[place.head + 2u * CHUNKS + i]);
    s3 += v * kv_decode(k_cache[place.head + 3u * CHUNKS + i]);
  }
  return params.scale * k_scales(place.scale) * vec4f(sum_of(s0), sum_of(s1), sum_of(s2), sum_of(s3));
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let token = group.y;
  let head = group.x;
  let kv_head = head * params.kv_heads / params.heads;
  let query = token * params.q_stride + head * CHUNKS;
  let end = batch[params.positions + token] + 1u;
  let table = params.block_tables + batch[params.sequences + token] * params.max_blocks;
  let start = select(0u, end - min(end, params.window), params.window != 0u);
  var greatest = LOWEST;
  var total = 0.0;
  var sums: array<vec4f, MAX_CHUNKS>;
  for (var tile = start - start % 4u; tile < end; tile += 4u * LANES) {
    let position = tile + 4u * lane;
    let seen = vec4u(position) + vec4u(0u, 1u, 2u, 3u);
    let present = (seen >= vec4u(start)) & (seen < vec4u(end));
    var s = vec4f(LOWEST);
    var scales = vec4f(1.0);
    if (position < end) {
      let place = place_of(table, position, kv_head);
      places[lane] = place.head;
      scales = v_scales(place.scale);
      s = select(s, scores(query, place), present);
    }
    let tile_greatest = max(greatest, workgroup_max(lane, max(max(s.x, s.y), max(s.z, s.w))));
    let weight = select(vec4f(), exp(s - tile_greatest), present);
    weights[lane] = select(vec4f(), weight * scales, present);
    let fade = exp(greatest - tile_greatest);
    total = total * fade + workgroup_sum(lane, sum_of(weight));
    greatest = tile_greatest;
    let count = min(LANES, (end - tile + 3u) / 4u);
    for (var j = 0u; j < LANE_CHUNKS; j++) {
      let chunk = lane + j * LANES;
      if (chunk < CHUNKS) {
        var sum = sums[j] * fade;
        for (var i = 0u; i < count; i++) {
          let at = places[i] + chunk;
          let w = weights[i];
          // A position that is not present weighs nothing, but its slot may hold anything, so it is not read as a number.
          sum += w.x * value(at, w.x) + w.y * value(at + CHUNKS, w.y) + w.z * value(at + 2u * CHUNKS, w.z)
            + w.w * value(at + 3u * CHUNKS, w.w);
        }
        sums[j] = sum;
      }
    }
    workgroupBarrier();
  }
  for (var j = 0u; j < LANE_CHUNKS; j++) {
    let chunk = lane + j * LANES;
    if (chunk < CHUNKS) {
      y[token * params.y_stride + head * CHUNKS + chunk] = X4(sums[j] / total);
    }
  }
}

fn value(at: u32, weight: f32) -> vec4f {
  return select(vec4f(), kv_decode(v_cache[at]), weight != 0.0);
}

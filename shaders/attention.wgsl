// Paged attention, one workgroup a token and GROUP query heads that read the same KV head, so that K and V are loaded once for all of them.
// The context is walked in tiles of 4 · LANES positions: each lane scores four neighbouring positions, then each lane sums the tile's values
// for its own dimensions, with the running maximum and sum of the online softmax (Milakov & Gimelshein, arXiv 1805.02867). The block size is
// a multiple of 4, so four neighbours share a block.
override LANES: u32 = 32u;
override HEAD_DIM: u32 = 64u;
override GROUP: u32 = 1u;
// Heads of a group at most: their maxima and sums are a vec4.
const MAX_GROUP = 4u;
#include "lib/reduce_vec4.wgsl"
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
// Of each lane: where the first of its four positions lies in the caches, and for each head their softmax weights, times the scales of V.
var<workgroup> places: array<u32, LANES>;
var<workgroup> weights: array<vec4f, LANES * GROUP>;

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

// q·k of four neighbouring positions with each head. @param query the first head's place in q
fn scores(query: u32, place: KvPlace) -> array<vec4f, MAX_GROUP> {
  // Of head g and position p at 4g + p.
  var products: array<vec4f, 4u * MAX_GROUP>;
  // The count comes from the uniforms so that the loop stays one: unrolled, it takes a software adapter half a minute to compile.
  for (var i = 0u; i < params.chunks; i++) {
    let k0 = kv_decode(k_cache[place.head + i]);
    let k1 = kv_decode(k_cache[place.head + CHUNKS + i]);
    let k2 = kv_decode(k_cache[place.head + 2u * CHUNKS + i]);
    let k3 = kv_decode(k_cache[place.head + 3u * CHUNKS + i]);
    for (var g = 0u; g < GROUP; g++) {
      let v = vec4f(q[query + g * CHUNKS + i]);
      products[4u * g] += v * k0;
      products[4u * g + 1u] += v * k1;
      products[4u * g + 2u] += v * k2;
      products[4u * g + 3u] += v * k3;
    }
  }
  let scale = params.scale * k_scales(place.scale);
  var s: array<vec4f, MAX_GROUP>;
  for (var g = 0u; g < GROUP; g++) {
    let at = 4u * g;
    s[g] = scale * vec4f(sum_of(products[at]), sum_of(products[at + 1u]), sum_of(products[at + 2u]), sum_of(products[at + 3u]));
  }
  return s;
}

// A position that is not present weighs nothing, but its slot may hold anything, so it is not read as a number.
fn value(at: u32, present: bool) -> vec4f {
  return select(vec4f(), kv_decode(v_cache[at]), present);
}

fn are_present(first: u32, start: u32, end: u32) -> vec4<bool> {
  let seen = vec4u(first) + vec4u(0u, 1u, 2u, 3u);
  return (seen >= vec4u(start)) & (seen < vec4u(end));
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let token = group.y;
  let head = group.x * GROUP;
  let kv_head = head * params.kv_heads / params.heads;
  let query = token * params.q_stride + head * CHUNKS;
  let end = batch[params.positions + token] + 1u;
  let table = params.block_tables + batch[params.sequences + token] * params.max_blocks;
  let start = select(0u, end - min(end, params.window), params.window != 0u);
  // Of each head.
  var greatest = vec4f(LOWEST);
  var total = vec4f();
  // Of head g and the lane's chunk j at MAX_CHUNKS · g + j.
  var sums: array<vec4f, MAX_GROUP * MAX_CHUNKS>;
  for (var tile = start - start % 4u; tile < end; tile += 4u * LANES) {
    let position = tile + 4u * lane;
    let present = are_present(position, start, end);
    var s: array<vec4f, MAX_GROUP>;
    var scales = vec4f(1.0);
    if (position < end) {
      let place = place_of(table, position, kv_head);
      places[lane] = place.head;
      scales = v_scales(place.scale);
      s = scores(query, place);
    }
    var lane_greatest = vec4f(LOWEST);
    for (var g = 0u; g < GROUP; g++) {
      s[g] = select(vec4f(LOWEST), s[g], present);
      lane_greatest[g] = max(max(s[g].x, s[g].y), max(s[g].z, s[g].w));
    }
    let tile_greatest = max(greatest, workgroup_max(lane, lane_greatest));
    var lane_total = vec4f();
    for (var g = 0u; g < GROUP; g++) {
      let weight = select(vec4f(), exp(s[g] - tile_greatest[g]), present);
      weights[lane * GROUP + g] = select(vec4f(), weight * scales, present);
      lane_total[g] = sum_of(weight);
    }
    let fade = exp(greatest - tile_greatest);
    total = total * fade + workgroup_sum(lane, lane_total);
    greatest = tile_greatest;
    let count = min(LANES, (end - tile + 3u) / 4u);
    for (var j = 0u; j < LANE_CHUNKS; j++) {
      let chunk = lane + j * LANES;
      if (chunk < CHUNKS) {
        var sum: array<vec4f, MAX_GROUP>;
        for (var g = 0u; g < GROUP; g++) {
          sum[g] = sums[MAX_CHUNKS * g + j] * fade[g];
        }
        for (var i = 0u; i < count; i++) {
          let at = places[i] + chunk;
          let here = are_present(tile + 4u * i, start, end);
          let v0 = value(at, here.x);
          let v1 = value(at + CHUNKS, here.y);
          let v2 = value(at + 2u * CHUNKS, here.z);
          let v3 = value(at + 3u * CHUNKS, here.w);
          for (var g = 0u; g < GROUP; g++) {
            let w = weights[i * GROUP + g];
            sum[g] += (w.x * v0 + w.y * v1) + (w.z * v2 + w.w * v3);
          }
        }
        for (var g = 0u; g < GROUP; g++) {
          sums[MAX_CHUNKS * g + j] = sum[g];
        }
      }
    }
    workgroupBarrier();
  }
  for (var g = 0u; g < GROUP; g++) {
    for (var j = 0u; j < LANE_CHUNKS; j++) {
      let chunk = lane + j * LANES;
      if (chunk < CHUNKS) {
        y[token * params.y_stride + (head + g) * CHUNKS + chunk] = X4(sums[MAX_CHUNKS * g + j] / total[g]);
      }
    }
  }
}

// Paged attention, one workgroup a token and query head. The context is walked in tiles of LANES positions: each lane scores one position,
// then each lane sums the tile's values for its own dimensions, with the running maximum and sum of the online softmax
// (Milakov & Gimelshein, arXiv 1805.02867).
override LANES: u32 = 32u;
override HEAD_DIM: u32 = 64u;
#include "lib/reduce.wgsl"
struct Params {
  heads: u32,
  kv_heads: u32,
  block_size: u32,
  // Elements per row of q and of the output.
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
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> batch: array<u32>;
@group(0) @binding(2) var<storage, read> q: array<X>;
@group(0) @binding(3) var<storage, read> k_cache: array<X>;
@group(0) @binding(4) var<storage, read> v_cache: array<X>;
@group(0) @binding(5) var<storage, read_write> y: array<X>;
var<workgroup> weights: array<f32, LANES>;
var<workgroup> offsets: array<u32, LANES>;

// Dimensions per lane.
const MAX_DIMS = 8u;

fn cache_index(table: u32, position: u32, kv_head: u32) -> u32 {
  let block = batch[table + position / params.block_size];
  return ((block * params.kv_heads + kv_head) * params.block_size + position % params.block_size) * HEAD_DIM;
}

fn score(origin: u32, key: u32) -> f32 {
  var sum = vec4f();
  for (var i = 0u; i < HEAD_DIM; i += 4u) {
    sum += vec4f(f32(q[origin + i]), f32(q[origin + i + 1u]), f32(q[origin + i + 2u]), f32(q[origin + i + 3u]))
      * vec4f(f32(k_cache[key + i]), f32(k_cache[key + i + 1u]), f32(k_cache[key + i + 2u]), f32(k_cache[key + i + 3u]));
  }
  return params.scale * ((sum.x + sum.y) + (sum.z + sum.w));
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let token = group.y;
  let head = group.x;
  let kv_head = head * params.kv_heads / params.heads;
  let origin = token * params.q_stride + head * HEAD_DIM;
  let end = batch[params.positions + token] + 1u;
  let table = params.block_tables + batch[params.sequences + token] * params.max_blocks;
  let start = select(0u, end - min(end, params.window), params.window != 0u);
  var greatest = -3.4e38;
  var total = 0.0;
  var sums: array<f32, MAX_DIMS>;
  for (var tile = start; tile < end; tile += LANES) {
    let position = tile + lane;
    let present = position < end;
    var s = -3.4e38;
    if (present) {
      offsets[lane] = cache_index(table, position, kv_head);
      s = score(origin, offsets[lane]);
    }
    let tile_greatest = max(greatest, workgroup_max(lane, s));
    let weight = select(0.0, exp(s - tile_greatest), present);
    weights[lane] = weight;
    let fade = exp(greatest - tile_greatest);
    total = total * fade + workgroup_sum(lane, weight);
    greatest = tile_greatest;
    let count = min(LANES, end - tile);
    for (var j = 0u; j < MAX_DIMS; j++) {
      let dim = lane + j * LANES;
      if (dim < HEAD_DIM) {
        var sum = sums[j] * fade;
        for (var i = 0u; i < count; i++) {
          sum += weights[i] * f32(v_cache[offsets[i] + dim]);
        }
        sums[j] = sum;
      }
    }
    workgroupBarrier();
  }
  for (var j = 0u; j < MAX_DIMS; j++) {
    let dim = lane + j * LANES;
    if (dim < HEAD_DIM) {
      y[token * params.y_stride + head * HEAD_DIM + dim] = X(sums[j] / total);
    }
  }
}

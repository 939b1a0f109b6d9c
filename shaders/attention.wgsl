// Paged attention. A workgroup computes a tile: TOKENS neighbouring tokens of a sequence and GROUP query heads that read the same KV head, so
// that K and V are loaded once for all of these queries. It walks the context in steps of 4 · LANES positions: each lane scores four
// neighbouring positions, then each lane sums the step's values for its own dimensions, with the running maximum and sum of the online softmax
// (Milakov & Gimelshein, arXiv 1805.02867). The block size is a multiple of 4, so four neighbours share a block.
// Steps begin at multiples of their own size, and one that a query does not see adds exactly nothing to it: a query's sums run in the same
// order in any tile.
// With SPLIT a workgroup walks one split of the context and leaves for `attention_merge` what it has of the online softmax.
override LANES: u32 = 32u;
override GROUP: u32 = 1u;
override TOKENS: u32 = 1u;
// Query n of a tile is of its token n / GROUP and its head n % GROUP. Loops over queries have a constant count: unrolled, they leave the sums
// in registers. Queries are taken in pairs, so the most is even.
override QUERIES: u32 = GROUP * TOKENS;
const MAX_QUERIES = 24u;
#include "lib/attention_operands.wgsl"
// Of each lane: where the first of its four positions lies in the caches, and for each query their softmax weights, times the scales of V.
var<workgroup> places: array<u32, LANES>;
var<workgroup> weights: array<vec4f, LANES * QUERIES>;
#include queries
#include heads

// Positions of one lane in a step, and of all.
const NEIGHBOURS = 4u;
override STEP: u32 = NEIGHBOURS * LANES;
// vec4 of a head; those that one lane sums, of which no more than MAX_CHUNKS.
override CHUNKS: u32 = HEAD_DIM / 4u;
override LANE_CHUNKS: u32 = (CHUNKS + LANES - 1u) / LANES;
const MAX_CHUNKS = 16u;
// vec4 of a head in y.
override Y_CHUNKS: u32 = select(CHUNKS, CHUNKS + 1u, SPLIT);
// The score of a position that a query does not see, so far below LOWEST, and that below any score, that its weight is 0 in any case.
const UNSEEN = -1e30;
const LOWEST = -1e20;

// Of each query: the scores of the lane's positions; their maximum yet; the lane's part of the sum of weights.
var<private> scores: array<vec4f, MAX_QUERIES>;
var<private> greatest: array<f32, MAX_QUERIES>;
var<private> total: array<f32, MAX_QUERIES>;
// Of each query what the sums of its former steps are worth under the new maximum.
var<private> fades: array<f32, MAX_QUERIES>;
// Of the lane's chunk j and query n at MAX_QUERIES · j + n. Chunks take turns at being the first, so that sums are compiled once.
var<private> sums: array<vec4f, MAX_QUERIES * MAX_CHUNKS>;

struct Tile {
  first_token: u32,
  count: u32,
  head: u32,
  kv_head: u32,
  // Where the sequence's row of the block tables begins.
  table: u32,
  // One beyond the first token's position.
  first_end: u32,
  // Positions that some token sees, with SPLIT of the split: none where start is no less than end.
  start: u32,
  end: u32,
  // Of y.
  first_row: u32,
}

// The first position that a token sees which sees none from `end` on.
fn start_of(end: u32) -> u32 {
  return select(0u, end - min(end, params.window), params.window != 0u);
}

fn tile_of(group: vec3u, groups: vec3u) -> Tile {
  var tile: Tile;
  tile.first_token = batch[params.tiles + 2u * group.y];
  tile.count = batch[params.tiles + 2u * group.y + 1u];
  tile.head = group.x * GROUP;
  tile.kv_head = tile.head * params.kv_heads / params.heads;
  tile.table = params.block_tables + batch[params.sequences + tile.first_token] * params.max_blocks;
  tile.first_end = batch[params.positions + tile.first_token] + 1u;
  tile.start = start_of(tile.first_end);
  tile.end = tile.first_end + tile.count - 1u;
  tile.first_row = tile.first_token;
  if (SPLIT) {
    let first = tile.start - tile.start % STEP + group.z * params.split;
    tile.start = max(tile.start, first);
    tile.end = min(tile.end, first + params.split);
    tile.first_row = group.z * groups.y + group.y;
  }
  return tile;
}

fn place_of(tile: Tile, position: u32) -> KvPlace {
  let block = batch[tile.table + position / params.block_size];
  return kv_place(block, position % params.block_size, tile.kv_head, CHUNKS);
}

// Where query n begins in q. A tile of fewer tokens repeats its last one.
fn query_place(tile: Tile, n: u32) -> u32 {
  let token = tile.first_token + min(n / GROUP, tile.count - 1u);
  return token * params.q_stride + (tile.head + n % GROUP) * CHUNKS;
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

fn greatest_of(v: vec4f) -> f32 {
  return max(max(v.x, v.y), max(v.z, v.w));
}

// sum + m · factors, fused so that no compiler may choose.
fn added(sum: vec4f, factors: vec4f, m: mat4x4f) -> vec4f {
  let half = fma(vec4f(factors.y), m[1], fma(vec4f(factors.x), m[0], sum));
  return fma(vec4f(factors.w), m[3], fma(vec4f(factors.z), m[2], half));
}

// Which of four neighbouring positions lie in start … end − 1.
fn are_seen(first: u32, start: u32, end: u32) -> vec4<bool> {
  let positions = vec4u(first) + vec4u(0u, 1u, 2u, 3u);
  return (positions >= vec4u(start)) & (positions < vec4u(end));
}

// A chunk of the head that begins at `place`.
fn key(place: u32, chunk: u32) -> vec4f {
  return kv_decode(k_cache[place + kv_element(chunk)], k_cache[place + kv_group(chunk)], chunk);
}

// q·k of the lane's four positions with each query.
fn multiply_keys(tile: Tile, lane: u32, first_key: u32) {
  for (var n = 0u; n < QUERIES; n++) {
    scores[n] = vec4f();
  }
  for (var i = 0u; i < params.chunks; i++) {
    let size = kv_elements(CHUNKS);
    let keys = transpose(mat4x4f(
      key(first_key, i), key(first_key + size, i), key(first_key + 2u * size, i), key(first_key + 3u * size, i),
    ));
    for (var n = 0u; n < QUERIES; n += 2u) {
      let pair = query_pair(lane, query_place(tile, n) + i, query_place(tile, min(n + 1u, QUERIES - 1u)) + i);
      scores[n] = added(scores[n], pair.a, keys);
      scores[n + 1u] = added(scores[n + 1u], pair.b, keys);
    }
  }
}

fn capped(v: vec4f) -> vec4f {
  if (SOFT_CAP) {
    return params.soft_cap * tanh_of(v / params.soft_cap);
  }
  return v;
}

// Makes scores of the products of four positions from `position` on. Returns the greatest of each query.
fn mask_scores(tile: Tile, position: u32, scale: vec4f) -> array<f32, MAX_QUERIES> {
  var of_lane: array<f32, MAX_QUERIES>;
  for (var n = 0u; n < QUERIES; n++) {
    let end = tile.first_end + n / GROUP;
    scores[n] = select(vec4f(UNSEEN), capped(scale * scores[n]), are_seen(position, start_of(end), end));
    of_lane[n] = greatest_of(scores[n]);
  }
  return of_lane;
}

// Makes weights of the scores.
fn weigh(lane: u32, step_greatest: array<f32, MAX_QUERIES>, scales: vec4f) {
  for (var n = 0u; n < QUERIES; n++) {
    let above = max(greatest[n], step_greatest[n]);
    // A device's exp(0) may be close to 1 only.
    fades[n] = select(exp(greatest[n] - above), 1.0, greatest[n] == above);
    let weight = exp(scores[n] - above);
    weights[lane * QUERIES + n] = weight * scales;
    greatest[n] = above;
    total[n] = fma(total[n], fades[n], sum_of(weight));
  }
}

// A position that no query sees may hold anything, so it is not read as a number.
fn value(place: u32, chunk: u32, seen: bool) -> vec4f {
  let stored = kv_decode(v_cache[place + kv_element(chunk)], v_cache[place + kv_group(chunk)], chunk);
  return select(vec4f(), stored, seen);
}

// Adds the weighted values of the positions from `step` on to the sums of the first chunk.
fn sum_values(tile: Tile, lane: u32, step: u32, chunk: u32) {
  for (var n = 0u; n < QUERIES; n++) {
    sums[n] *= fades[n];
  }
  let size = kv_elements(CHUNKS);
  let count = min(LANES, (tile.end - step + NEIGHBOURS - 1u) / NEIGHBOURS);
  for (var i = 0u; i < count; i++) {
    let at = places[i];
    let seen = are_seen(step + NEIGHBOURS * i, tile.start, tile.end);
    let values = mat4x4f(
      value(at, chunk, seen.x), value(at + size, chunk, seen.y), value(at + 2u * size, chunk, seen.z),
      value(at + 3u * size, chunk, seen.w),
    );
    for (var n = 0u; n < QUERIES; n += 2u) {
      let first = i * QUERIES;
      let pair = weight_pair(lane, first + n, first + min(n + 1u, QUERIES - 1u));
      sums[n] = added(sums[n], pair.a, values);
      sums[n + 1u] = added(sums[n + 1u], pair.b, values);
    }
  }
}

// The second chunk becomes the first, and that the last.
fn turn_chunks() {
  for (var n = 0u; n < QUERIES; n++) {
    let first = sums[n];
    for (var j = 1u; j < LANE_CHUNKS; j++) {
      sums[MAX_QUERIES * (j - 1u) + n] = sums[MAX_QUERIES * j + n];
    }
    sums[MAX_QUERIES * (LANE_CHUNKS - 1u) + n] = first;
  }
}

// Where query n's results begin in y.
fn result_place(tile: Tile, n: u32) -> u32 {
  return (tile.first_row + n / GROUP) * params.y_stride + (tile.head + n % GROUP) * Y_CHUNKS;
}

// Stores the results of the first chunk. Queries move down to the first, so that stores are compiled once and not once a query.
fn store_results(tile: Tile, chunk: u32, totals: array<f32, MAX_QUERIES>) {
  var results: array<vec4f, MAX_QUERIES>;
  for (var n = 0u; n < QUERIES; n++) {
    results[n] = select(sums[n] / totals[n], sums[n], SPLIT);
  }
  let count = tile.count * GROUP;
  for (var n = 0u; n < count; n++) {
    if (chunk < CHUNKS) {
      y[result_place(tile, n) + chunk] = Y4(results[0]);
    }
    for (var i = 1u; i < QUERIES; i++) {
      results[i - 1u] = results[i];
    }
  }
}

// Stores the maximum and the total of each query, behind its sums.
fn store_totals(tile: Tile, totals: array<f32, MAX_QUERIES>) {
  for (var n = 0u; n < QUERIES; n++) {
    y[result_place(tile, n) + CHUNKS] = Y4(vec4f(greatest[n], totals[n], 0.0, 0.0));
  }
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = tile_of(group, groups);
  rotate_heads(tile, lane);
  // The softmax begins with the sink, whose weight is 1 until a greater score comes; one lane and one split count it.
  let sunk = SINKS && group.z == 0u;
  for (var n = 0u; n < QUERIES; n++) {
    greatest[n] = LOWEST;
    if (sunk) {
      greatest[n] = sinks[tile.head + n % GROUP];
      total[n] = select(0.0, 1.0, lane == 0u);
    }
  }
  for (var step = tile.start - tile.start % STEP; step < tile.end; step += STEP) {
    let position = step + NEIGHBOURS * lane;
    // Lanes beyond the context multiply its last positions once more.
    let last = tile.end - 1u;
    let place = place_of(tile, min(position, last - last % NEIGHBOURS));
    places[lane] = place.head;
    multiply_keys(tile, lane, place.head);
    let step_greatest = greatest_of_lanes(lane, mask_scores(tile, position, params.scale * k_scales(place.scale)));
    let scales = select(vec4f(), v_scales(place.scale), are_seen(position, tile.start, tile.end));
    weigh(lane, step_greatest, scales);
    workgroupBarrier();
    for (var j = 0u; j < params.lane_chunks; j++) {
      sum_values(tile, lane, step, min(lane + j * LANES, CHUNKS - 1u));
      turn_chunks();
    }
    workgroupBarrier();
  }
  let totals = sum_of_lanes(lane, total);
  for (var j = 0u; j < params.lane_chunks; j++) {
    store_results(tile, lane + j * LANES, totals);
    turn_chunks();
  }
  if (SPLIT && lane == 0u) {
    store_totals(tile, totals);
  }
}

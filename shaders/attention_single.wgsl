// Paged attention of single tokens, where subgroups have a known size (Dao et al., Flash-Decoding). A workgroup computes up to GROUP query heads of
// a token that read the same KV head. Lanes lie along the rows of K and V, so that neighbours load neighbours: ROW_LANES share a row and have
// LANE_CHUNKS vec4 of it each, and a subgroup has ROWS such rows, neighbouring positions, side by side. A subgroup takes steps of TURNS · ROWS
// positions, whose loads are all under way before the first is used. The subgroups of a workgroup take steps in turn, each with an online softmax
// of its own (Milakov & Gimelshein, arXiv 1805.02867), and put theirs together at the end.
// With SPLIT a workgroup walks one split of the context and leaves for `attention_merge` what it has of the softmax.
// Arrays are indexed in loops that are written out alone: so they stay in registers.
override BLOCK_SIZE: u32 = 16u;
// Lanes of a subgroup, and subgroups of a workgroup.
override SUBGROUP_SIZE: u32 = 32u;
override SUBGROUPS: u32 = 1u;
// Query heads that share a KV head, and workgroups that these are dealt out to: GROUP each, the last what is left.
override SHARING: u32 = 1u;
override PARTS: u32 = 1u;
#include "lib/attention_operands.wgsl"
#include single_heads
#include "lib/single_lanes.wgsl"
#include "lib/single_reads.wgsl"

override LANES: u32 = SUBGROUPS * SUBGROUP_SIZE;
// Positions of a subgroup in a step, and of all subgroups of the workgroup, one step each.
override STEP: u32 = TURNS * ROWS;
override ROUND: u32 = SUBGROUPS * STEP;
// vec4 of a head in y.
override Y_CHUNKS: u32 = select(CHUNKS, CHUNKS + 1u, SPLIT);
// The score of a position that is not seen, so far below LOWEST, and that below any score, that its weight is 0 in any case.
const UNSEEN = -1e30;
const LOWEST = -1e20;

// What each subgroup has of each head: the maximum, the total of weights and the sums.
var<workgroup> maxima: array<f32, SUBGROUPS * GROUP>;
var<workgroup> totals: array<f32, SUBGROUPS * GROUP>;
var<workgroup> partials: array<vec4f, SUBGROUPS * GROUP * CHUNKS>;

struct Tile {
  token: u32,
  position: u32,
  // The first query head, and how many there are.
  head: u32,
  count: u32,
  kv_head: u32,
  // Where the sequence's row of the block tables begins.
  table: u32,
  // Positions that the token sees, with SPLIT of the split: none where start is no less than end.
  start: u32,
  end: u32,
  // Of y.
  row: u32,
}

// The lane's part of the online softmax: of its own head the maximum yet, and the weights of its own positions; of all heads the sums of its
// chunks, chunk j of head n at n · LANE_CHUNKS + j.
struct Softmax {
  greatest: f32,
  total: f32,
  sums: array<vec4f, GROUP * LANE_CHUNKS>,
}

fn tile_of(group: vec3u, groups: vec3u) -> Tile {
  var tile: Tile;
  let part = group.x % PARTS;
  tile.kv_head = group.x / PARTS;
  tile.head = tile.kv_head * SHARING + part * GROUP;
  tile.count = min(GROUP, SHARING - part * GROUP);
  tile.token = batch[params.tiles + 2u * group.y];
  tile.position = batch[params.positions + tile.token];
  tile.table = params.block_tables + batch[params.sequences + tile.token] * params.max_blocks;
  tile.end = tile.position + 1u;
  tile.start = select(0u, tile.end - min(tile.end, params.window), params.window != 0u);
  tile.row = tile.token;
  if (SPLIT) {
    tile.start += group.z * params.split;
    tile.end = min(tile.end, tile.start + params.split);
    tile.row = group.z * groups.y + group.y;
  }
  return tile;
}

// Query head n of the tile; the last once more where it has fewer.
fn head_of(tile: Tile, n: u32) -> u32 {
  return tile.head + min(n, tile.count - 1u);
}

// The lane's chunks of the queries, as `Softmax` has its sums, times the scale of scores.
fn queries_of(tile: Tile, lane: Place) -> array<vec4f, GROUP * LANE_CHUNKS> {
  var queries: array<vec4f, GROUP * LANE_CHUNKS>;
  #unroll n GROUP
    #unroll j LANE_CHUNKS
      let is_of_head = lane.column + j * ROW_LANES < CHUNKS;
      let chunk = params.scale * query(tile, n, chunk_of(lane, j));
      queries[n * LANE_CHUNKS + j] = select(vec4f(), chunk, is_of_head);
    #end
  #end
  return queries;
}

// sum + q·k
fn added(sum: f32, q: vec4f, k: vec4f) -> f32 {
  return fma(q.w, k.w, fma(q.z, k.z, fma(q.y, k.y, fma(q.x, k.x, sum))));
}

// The lane's part of each q·k of the step.
fn multiply_keys(
  lane: Place,
  queries: ptr<function, array<vec4f, GROUP * LANE_CHUNKS>>,
  fetched: ptr<function, Fetched>,
) -> array<f32, PRODUCTS> {
  var products: array<f32, PRODUCTS>;
  #unroll i TURNS
    #unroll j LANE_CHUNKS
      const at = i * LANE_CHUNKS + j;
      let k = kv_decode((*fetched).k[at], (*fetched).k_groups[at], chunk_of(lane, j));
      #unroll n GROUP
        products[n * TURNS + i] = added(products[n * TURNS + i], (*queries)[n * LANE_CHUNKS + j], k);
      #end
    #end
    if (KV_SCALES > 0u) {
      #unroll n GROUP
        products[n * TURNS + i] *= (*fetched).k_scales[i];
      #end
    }
  #end
  return products;
}

fn capped(score: f32) -> f32 {
  if (SOFT_CAP) {
    return params.soft_cap * tanh_of(vec4f(score / params.soft_cap)).x;
  }
  return score;
}

// Makes weights of the lane's scores, in their place. Returns what the sums of its head's former steps are worth under the new maximum.
fn weigh(
  tile: Tile,
  lane: Place,
  step: u32,
  softmax: ptr<function, Softmax>,
  weights: ptr<function, array<f32, SLOTS>>,
) -> f32 {
  var of_lane = UNSEEN;
  #unroll s SLOTS
    let position = step + (lane.turn + s) * ROWS + lane.row;
    (*weights)[s] = select(UNSEEN, capped((*weights)[s]), position < tile.end);
    of_lane = max(of_lane, (*weights)[s]);
  #end
  let former = (*softmax).greatest;
  let greatest = max(former, greatest_of_head(of_lane));
  // A device's exp(0) may be close to 1 only.
  let fade = select(exp(former - greatest), 1.0, former == greatest);
  (*softmax).greatest = greatest;
  (*softmax).total *= fade;
  #unroll s SLOTS
    (*weights)[s] = exp((*weights)[s] - greatest);
    (*softmax).total += (*weights)[s];
  #end
  return fade;
}

fn fade_sums(lane: Place, of_head: f32, softmax: ptr<function, Softmax>) {
  #unroll n GROUP
    let fade = subgroupShuffle(of_head, keeper(lane, n * TURNS));
    #unroll j LANE_CHUNKS
      (*softmax).sums[n * LANE_CHUNKS + j] *= fade;
    #end
  #end
}

fn sum_values(
  lane: Place,
  weights: ptr<function, array<f32, SLOTS>>,
  fetched: ptr<function, Fetched>,
  softmax: ptr<function, Softmax>,
) {
  #unroll i TURNS
    var of_heads: array<f32, GROUP>;
    #unroll n GROUP
      const slot = n * TURNS + i;
      of_heads[n] = subgroupShuffle((*weights)[slot % SLOTS], keeper(lane, slot));
      if (KV_SCALES > 0u) {
        of_heads[n] *= (*fetched).v_scales[i];
      }
    #end
    #unroll j LANE_CHUNKS
      const at = i * LANE_CHUNKS + j;
      let v = kv_decode((*fetched).v[at], (*fetched).v_groups[at], chunk_of(lane, j));
      #unroll n GROUP
        const to = n * LANE_CHUNKS + j;
        (*softmax).sums[to] = fma(vec4f(of_heads[n]), v, (*softmax).sums[to]);
      #end
    #end
  #end
}

// @param first_places of the lane's first step
fn walk(tile: Tile, lane: Place, first_places: array<KvPlace, TURNS>, softmax: ptr<function, Softmax>) {
  var queries = queries_of(tile, lane);
  var places = first_places;
  // All subgroups take as many steps. One beyond the end adds nothing.
  for (var round = tile.start; round < tile.end; round += ROUND) {
    let step = round + lane.subgroup * STEP;
    var fetched = fetch(lane, places);
    places = places_of(tile, lane, step + ROUND);
    var weights = scores_of(lane, multiply_keys(lane, &queries, &fetched));
    let fade = weigh(tile, lane, step, softmax, &weights);
    fade_sums(lane, fade, softmax);
    sum_values(lane, &weights, &fetched, softmax);
  }
}

// Adds up the rows of the subgroup, whose maxima are the same, and leaves what it has to the workgroup.
fn leave(lane: Place, softmax: ptr<function, Softmax>) {
  let total = sum_of_head((*softmax).total);
  if (lane.row == 0u && lane.column % HEAD_LANES == 0u && lane.head < GROUP) {
    maxima[lane.subgroup * GROUP + lane.head] = (*softmax).greatest;
    totals[lane.subgroup * GROUP + lane.head] = total;
  }
  #unroll n GROUP
    #unroll j LANE_CHUNKS
      var sum = (*softmax).sums[n * LANE_CHUNKS + j];
      #unroll bit SUBGROUP_BITS
        const mask = 1u << bit;
        if (mask >= ROW_LANES) {
          sum += subgroupShuffleXor(sum, mask);
        }
      #end
      let chunk = lane.column + j * ROW_LANES;
      if (lane.row == 0u && chunk < CHUNKS) {
        partials[(lane.subgroup * GROUP + n) * CHUNKS + chunk] = sum;
      }
    #end
  #end
}

// Stores a chunk of head n from what the subgroups have of it.
fn store(tile: Tile, n: u32, chunk: u32, is_sunk: bool) {
  var sink = LOWEST;
  if (is_sunk) {
    sink = sinks[tile.head + n];
  }
  var greatest = sink;
  for (var i = n; i < SUBGROUPS * GROUP; i += GROUP) {
    greatest = max(greatest, maxima[i]);
  }
  var total = select(0.0, exp(sink - greatest), is_sunk);
  var sum = vec4f();
  for (var i = n; i < SUBGROUPS * GROUP; i += GROUP) {
    let factor = exp(maxima[i] - greatest);
    total = fma(factor, totals[i], total);
    sum = fma(vec4f(factor), partials[i * CHUNKS + chunk], sum);
  }
  let to = tile.row * params.y_stride + (tile.head + n) * Y_CHUNKS;
  y[to + chunk] = Y4(select(sum / total, sum, SPLIT));
  if (SPLIT && chunk == 0u) {
    y[to + CHUNKS] = Y4(vec4f(greatest, total, 0.0, 0.0));
  }
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_id) subgroup: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let tile = tile_of(group, groups);
  let index = subgroup * SUBGROUP_SIZE + lane;
  let place = place_of_lane(subgroup, lane);
  let places = places_of(tile, place, tile.start + subgroup * STEP);
  rotate_heads(tile, index);
  var softmax: Softmax;
  softmax.greatest = LOWEST;
  walk(tile, place, places, &softmax);
  leave(place, &softmax);
  workgroupBarrier();
  // The first split counts the sink.
  let is_sunk = SINKS && group.z == 0u;
  for (var at = index; at < tile.count * CHUNKS; at += LANES) {
    store(tile, at / CHUNKS, at % CHUNKS, is_sunk);
  }
}

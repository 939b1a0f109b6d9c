// Matrix product for few tokens, activations in f16 (H): a workgroup computes PAIRS pairs of outputs of one token. While the first weights are on
// their way its lanes put the token's activations into shared memory, in the order in which weights are decoded, and with NORM normalised; a lane
// takes TURNS chunks of them at most. Then PAIR_LANES lanes, whole subgroups, share K for each pair. `#include unit` says what a lane loads of a
// row at once, and how it is multiplied.
#include "lib/linear.wgsl"
#include unit
override SUBGROUP: u32 = 32u;
override PAIR_LANES: u32 = 64u;
override PAIRS: u32 = 4u;
override LANES: u32 = PAIR_LANES * PAIRS;
// Of a row of the weight.
override BLOCKS: u32 = 128u;
// Chunk c of all blocks from c · STRIDE on: two more than there are, so that the chunks of a block begin in different banks.
override STRIDE: u32 = BLOCKS + 2u;
var<workgroup> staged: array<vec4u, CHUNKS_PER_BLOCK * STRIDE>;
var<workgroup> sums: array<vec2f, LANES / SUBGROUP>;
var<workgroup> squares: array<f32, LANES / SUBGROUP>;

fn put_chunk(i: u32, v: HalfChunk) {
  let words = vec4u(bitcast<u32>(v.a), bitcast<u32>(v.b), bitcast<u32>(v.c), bitcast<u32>(v.d));
  staged[i % CHUNKS_PER_BLOCK * STRIDE + i / CHUNKS_PER_BLOCK] = words;
}

fn stage(lane: u32, token: u32) {
  for (var i = lane; i < CHUNKS_PER_BLOCK * BLOCKS; i += LANES) {
    let v = x_eight(token * params.x_stride + 2u * i);
    put_chunk(i, half_order(H4(v[0]), H4(v[1])));
  }
}

// Σ over the lanes of the workgroup.
fn sum_of_squares(subgroup: u32, own: u32, of_lane: f32) -> f32 {
  let of_subgroup = subgroupAdd(of_lane);
  if (own == 0u) {
    squares[subgroup] = of_subgroup;
  }
  workgroupBarrier();
  var total = 0.0;
  for (var i = 0u; i < LANES / SUBGROUP; i++) {
    total += squares[i];
  }
  return total;
}

fn stage_normed(subgroup: u32, own: u32, token: u32) {
  var held: array<Chunk, TURNS>;
  var weights: array<Chunk, TURNS>;
  var of_lane = 0.0;
  #unroll turn TURNS
    let i = subgroup * SUBGROUP + own + turn * LANES;
    if (i < CHUNKS_PER_BLOCK * BLOCKS) {
      let v = x_eight(token * params.x_stride + 2u * i);
      held[turn] = Chunk(vec4f(v[0]), vec4f(v[1]));
      weights[turn] = Chunk(norm[2u * i], norm[2u * i + 1u]);
      of_lane += dot(held[turn].a, held[turn].a) + dot(held[turn].b, held[turn].b);
    }
  #end
  let factor = norm_factor(sum_of_squares(subgroup, own, of_lane));
  #unroll turn TURNS
    let i = subgroup * SUBGROUP + own + turn * LANES;
    if (i < CHUNKS_PER_BLOCK * BLOCKS) {
      let v = chunk_product(chunk_scaled(held[turn], factor), weights[turn]);
      put_chunk(i, half_order(H4(v.a), H4(v.b)));
    }
  #end
}

fn staged_chunk(block: u32, chunk: u32) -> HalfChunk {
  let words = staged[chunk * STRIDE + block];
  return HalfChunk(
    bitcast<vec2<f16>>(words.x), bitcast<vec2<f16>>(words.y), bitcast<vec2<f16>>(words.z), bitcast<vec2<f16>>(words.w),
  );
}

// Of the pair that `lane` stores.
fn pair_sum(lane: u32) -> vec2f {
  let each = PAIR_LANES / SUBGROUP;
  var total = vec2f();
  for (var i = 0u; i < each; i++) {
    total += sums[lane * each + i];
  }
  return total;
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_id) subgroup: u32,
  @builtin(subgroup_invocation_id) own: u32,
) {
  let place = place_of(group.y, 1u);
  if (place.first >= place.end) {
    return;
  }
  let lane = subgroup * SUBGROUP + own;
  let first_pair = (group.x + group.z * groups.x) * PAIRS;
  let rows = pair_rows(place, first_pair + lane / PAIR_LANES);
  let last = BLOCKS * BLOCK_UNITS - 1u;
  let first = lane % PAIR_LANES;
  var a = load_unit(rows.x, min(first, last));
  var b = load_unit(rows.y, min(first, last));
  if (NORM) {
    stage_normed(subgroup, own, x_row(place.first));
  } else {
    stage(lane, x_row(place.first));
  }
  workgroupBarrier();
  var sum = vec2f();
  for (var unit = first; unit <= last; unit += PAIR_LANES) {
    let v = unit_x(unit);
    let next = min(unit + PAIR_LANES, last);
    let w = a;
    a = load_unit(rows.x, next);
    sum.x += unit_dot(w, v);
    let u = b;
    b = load_unit(rows.y, next);
    sum.y += unit_dot(u, v);
  }
  let total = subgroupAdd(sum);
  if (own == 0u) {
    sums[subgroup] = total;
  }
  workgroupBarrier();
  if (lane < PAIRS) {
    store_pair(place, place.first, first_pair + lane, pair_sum(lane));
  }
}

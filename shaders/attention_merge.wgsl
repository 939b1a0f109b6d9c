// Merges what the splits of a token's context gave: y = Σ_s f_s · sums_s / Σ_s f_s · total_s, with f_s = exp(greatest_s − greatest) what a split
// is worth under the greatest score of all (Dao et al., Flash-Decoding). One workgroup a token and query head, lanes over its dimensions.
// An empty split has a total of 0 and a maximum below any score: f_s is 0. BATCH splits are loaded together, each batch with the running
// maximum of those before.
override LANES: u32 = 32u;
struct Params {
  // vec4 of a head, and per row of y.
  chunks: u32,
  y_stride: u32,
  // Where in the batch the first of the tiles is, each its token and how many it has, here 1.
  tiles: u32,
  splits: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> batch: array<u32>;
// [split][token][head]: the chunks of its sums, then its maximum, its total and two unused values.
@group(0) @binding(2) var<storage, read> partials: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<Y4>;
// Below any maximum.
const LOWEST = -1e30;

struct Merged { greatest: f32, total: f32, sums: vec4f }
struct Batch { sums: array<vec4f, BATCH>, totals: array<vec2f, BATCH> }

// The splits from s on; beyond the last, that again without a weight.
fn fetch(first: u32, stride: u32, chunk: u32, s: u32) -> Batch {
  var fetched: Batch;
  #unroll i BATCH
    let at = first + min(s + i, params.splits - 1u) * stride;
    fetched.sums[i] = partials[at + chunk];
    fetched.totals[i] = select(vec2f(LOWEST, 0.0), partials[at + params.chunks].xy, s + i < params.splits);
  #end
  return fetched;
}

fn merged(before: Merged, fetched: ptr<function, Batch>) -> Merged {
  var after = before;
  #unroll i BATCH
    after.greatest = max(after.greatest, (*fetched).totals[i].x);
  #end
  let fade = exp(before.greatest - after.greatest);
  after.total *= fade;
  after.sums *= fade;
  #unroll i BATCH
    let factor = exp((*fetched).totals[i].x - after.greatest);
    after.total = fma(factor, (*fetched).totals[i].y, after.total);
    after.sums = fma(vec4f(factor), (*fetched).sums[i], after.sums);
  #end
  return after;
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let size = params.chunks + 1u;
  let first = (group.y * groups.x + group.x) * size;
  let stride = groups.y * groups.x * size;
  let token = batch[params.tiles + 2u * group.y];
  let to = token * params.y_stride + group.x * params.chunks;
  for (var chunk = lane; chunk < params.chunks; chunk += LANES) {
    var result = Merged(LOWEST, 0.0, vec4f());
    for (var s = 0u; s < params.splits; s += BATCH) {
      var fetched = fetch(first, stride, chunk, s);
      result = merged(result, &fetched);
    }
    y[to + chunk] = Y4(result.sums / result.total);
  }
}

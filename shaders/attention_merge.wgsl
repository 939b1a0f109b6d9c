// Merges what the splits of a token's context gave: y = Σ_s f_s · sums_s / Σ_s f_s · total_s, with f_s = exp(greatest_s − greatest) what a split
// is worth under the greatest score of all (Dao et al., Flash-Decoding). One workgroup a token and query head, lanes over its dimensions.
// An empty split has a total of 0 and a maximum below any score: f_s is 0.
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

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let size = params.chunks + 1u;
  let first = (group.y * groups.x + group.x) * size;
  let split_stride = groups.y * groups.x * size;
  var greatest = partials[first + params.chunks].x;
  for (var s = 1u; s < params.splits; s++) {
    greatest = max(greatest, partials[first + s * split_stride + params.chunks].x);
  }
  let token = batch[params.tiles + 2u * group.y];
  let to = token * params.y_stride + group.x * params.chunks;
  for (var chunk = lane; chunk < params.chunks; chunk += LANES) {
    var total = 0.0;
    var sums = vec4f();
    for (var s = 0u; s < params.splits; s++) {
      let at = first + s * split_stride;
      let of_split = partials[at + params.chunks];
      let factor = exp(of_split.x - greatest);
      total = fma(factor, of_split.y, total);
      sums = fma(vec4f(factor), partials[at + chunk], sums);
    }
    y[to + chunk] = Y4(sums / total);
  }
}

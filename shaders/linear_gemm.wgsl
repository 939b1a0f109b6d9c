// Matrix product for many tokens: a workgroup computes a tile of TILE_TOKENS × TILE_OUTPUTS. In steps of STEP_BLOCKS along K its lanes put the
// activations of the tile and its weights, decoded once for all tokens, into shared memory, both rounded to X. The slot says how they are
// loaded, multiplied and summed, in f32: `Fetched`, `fetch`, `put`, `Sums`, `add_step`, `store_sums`. Where tiles are too few to occupy the
// adapter, several workgroups share K: each takes `params.split` blocks of it, and `linear_merge` adds up what they leave in
// [split][token][output].
#include "lib/linear.wgsl"
// vec4 of a block.
const BLOCK_VECTORS = 8u;
// What a workgroup computes, its first output, and one beyond the last block of its part of K.
struct Part { place: Place, output: u32, end: u32 }
#include gemm

@compute @workgroup_size(LANES)
fn main(at: Invocation, @builtin(workgroup_id) group: vec3u) {
  var place = place_of(group.y, TILE_TOKENS);
  if (place.first >= place.end) {
    return;
  }
  place.column += group.z * params.tokens * params.y_stride;
  let output = group.x * TILE_OUTPUTS;
  let first = group.z * params.split;
  let end = min(first + params.split, params.weight.blocks);
  let of_tile = Part(place, output, end);
  var sums: Sums;
  var next = fetch(at.lane, of_tile, first);
  for (var block = first; block < end; block += STEP_BLOCKS) {
    workgroupBarrier();
    put(at.lane, of_tile, next);
    workgroupBarrier();
    next = fetch(at.lane, of_tile, block + STEP_BLOCKS);
    add_step(at, &sums);
  }
  store_sums(at, place, output, &sums);
}

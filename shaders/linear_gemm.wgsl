// Matrix product for many tokens: a workgroup computes a tile of TILE_TOKENS × TILE_OUTPUTS. In steps of STEP_BLOCKS along K its lanes put the
// activations of the tile and its weights, decoded once for all tokens, into shared memory, both rounded to X. The slot says how they are
// loaded, multiplied and summed, in f32: `Fetched`, `fetch`, `put`, `Sums`, `add_step`, `store_sums`. Where tiles are too few to occupy the
// adapter, several workgroups share K: each takes `params.split` blocks of it, and `linear_merge` adds up what they leave in
// [split][token][output]. Tiles of the same outputs are neighbours, so that caches hold the weights that they share.
#include "lib/linear.wgsl"
// vec4 of a block.
const BLOCK_VECTORS = 8u;
// What a workgroup computes, its first output, and one beyond the last block of its part of K.
struct Part { place: Place, output: u32, end: u32 }
#include gemm

// The output of a row of the tile. Where there are gates, it has half as many of them, and as many others: GATE_RUN gates, then what they gate.
fn tile_output(first: u32, row: u32) -> u32 {
  if (params.gates == 0u) {
    return first + row;
  }
  let gate = first / 2u + row / (2u * GATE_RUN) * GATE_RUN + row % GATE_RUN;
  return gate + select(0u, params.gates, row / GATE_RUN % 2u == 1u);
}

@compute @workgroup_size(LANES)
fn main(at: Invocation, @builtin(workgroup_id) group: vec3u) {
  var place = place_of(group.x, TILE_TOKENS);
  if (place.first >= place.end) {
    return;
  }
  place.column += group.z * params.tokens * params.y_stride;
  let output = group.y * TILE_OUTPUTS;
  let first = group.z * params.split;
  let end = min(first + params.split, params.weight.blocks);
  let of_tile = Part(place, output, end);
  var sums: Sums;
  var next = fetch(at.lane, of_tile, first);
  // With two sets of tiles, lanes put into one while others still multiply the other.
  var which = 0u;
  for (var block = first; block < end; block += STEP_BLOCKS) {
    if (TILE_SETS == 1u) {
      workgroupBarrier();
    }
    put(at.lane, of_tile, which, next);
    workgroupBarrier();
    next = fetch(at.lane, of_tile, block + STEP_BLOCKS);
    add_step(at, which, &sums);
    which = (which + 1u) % TILE_SETS;
  }
  store_sums(at, place, output, &sums);
}

// Matrix product for a long prompt: a workgroup computes a tile of TILE_TOKENS × TILE_OUTPUTS. For each block along K its lanes put the
// activations of the tile and its weights, decoded once for all tokens, into shared memory, both rounded to X. The slot says how they are
// multiplied and summed, in f32: `Sums`, `add_block`, `store_sums`, and how a tile lies in memory.
#include "lib/linear.wgsl"
const TILE_TOKENS = 64u;
const TILE_OUTPUTS = 64u;
// vec4 of a block.
const BLOCK_VECTORS = 8u;
#include gemm

var<workgroup> x_tile: array<X4, TILE_TOKENS * ROW_VECTORS>;
var<workgroup> w_tile: array<X4, TILE_OUTPUTS * ROW_VECTORS>;

fn load_activations(lane: u32, place: Place, block: u32) {
  for (var i = lane; i < TILE_TOKENS * BLOCK_VECTORS; i += LANES) {
    let row = i / BLOCK_VECTORS;
    let column = i % BLOCK_VECTORS;
    let token = x_row(min(place.first + row, place.end - 1u));
    x_tile[tile_index(row, column)] = x[token * params.x_stride + block * BLOCK_VECTORS + column];
  }
}

fn load_weights(lane: u32, place: Place, output: u32, block: u32) {
  for (var i = lane; i < TILE_OUTPUTS * CHUNKS_PER_BLOCK; i += LANES) {
    let row = i / CHUNKS_PER_BLOCK;
    let chunk = i % CHUNKS_PER_BLOCK;
    let weight_at = weight_row(place, output + row);
    let scale = weight_scale(weight_at, block);
    let w = weight_chunk(weight_at, block, chunk);
    w_tile[tile_index(row, chunk * 2u)] = X4(scale * w.a);
    w_tile[tile_index(row, chunk * 2u + 1u)] = X4(scale * w.b);
  }
}

@compute @workgroup_size(LANES)
fn main(at: Invocation, @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let place = place_of(group.y, TILE_TOKENS);
  if (place.first >= place.end) {
    return;
  }
  let output = (group.x + group.z * groups.x) * TILE_OUTPUTS;
  var sums: Sums;
  for (var block = 0u; block < params.weight.blocks; block++) {
    workgroupBarrier();
    load_activations(at.lane, place, block);
    load_weights(at.lane, place, output, block);
    workgroupBarrier();
    add_block(at, &sums);
  }
  store_sums(at, place, output, &sums);
}

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

fn load_activations(lane: u32, token: u32, block: u32) {
  let last = params.tokens - 1u;
  for (var i = lane; i < TILE_TOKENS * BLOCK_VECTORS; i += LANES) {
    let row = i / BLOCK_VECTORS;
    let column = i % BLOCK_VECTORS;
    x_tile[tile_index(row, column)] = x[min(token + row, last) * params.x_stride + block * BLOCK_VECTORS + column];
  }
}

// Rows beyond the part's last are the last: loads stay in bounds, the results are not stored.
fn load_weights(lane: u32, output: u32, block: u32) {
  for (var i = lane; i < TILE_OUTPUTS * CHUNKS_PER_BLOCK; i += LANES) {
    let row = i / CHUNKS_PER_BLOCK;
    let chunk = i % CHUNKS_PER_BLOCK;
    let weight_row = min(output + row, params.outputs - 1u);
    let scale = weight_scale(weight_row, block);
    let w = weight_chunk(weight_row, block, chunk);
    w_tile[tile_index(row, chunk * 2u)] = X4(scale * w.a);
    w_tile[tile_index(row, chunk * 2u + 1u)] = X4(scale * w.b);
  }
}

@compute @workgroup_size(LANES)
fn main(at: Invocation) {
  let token = at.group.y * TILE_TOKENS;
  let output = (at.group.x + at.group.z * at.groups.x) * TILE_OUTPUTS;
  var sums: Sums;
  for (var block = 0u; block < params.weight.blocks; block++) {
    workgroupBarrier();
    load_activations(at.lane, token, block);
    load_weights(at.lane, output, block);
    workgroupBarrier();
    add_block(at, &sums);
  }
  store_sums(at, token, output, &sums);
}

// out[t] = scale · table[id of token t], with ADD added to out[t], for the tokens whose row lies in this part of the table; a lane writes one chunk of 8.
override ADD: bool = false;
#include "lib/block.wgsl"
#include "lib/weight_shape.wgsl"
struct Params {
  tokens: u32,
  // Rows `first_row … first_row + rows − 1` of the table are in this part.
  first_row: u32,
  rows: u32,
  cols: u32,
  y_stride: u32,
  token_ids: u32,
  // Words of a row of the previous results, whose first is the token that was sampled.
  previous_stride: u32,
  scale: f32,
  weight: WeightShape,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> batch: array<u32>;
@group(0) @binding(2) var<storage, read> previous: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<Y>;
#include weight

// Set where the rest is a row of the previous results.
const PENDING = 0x80000000u;

fn token_id(token: u32) -> u32 {
  let id = batch[params.token_ids + token];
  if (id < PENDING) {
    return id;
  }
  return previous[(id - PENDING) * params.previous_stride];
}

fn store(at: u32, column: u32, value: f32) {
  if (column < params.cols) {
    if (ADD) {
      y[at + column] += Y(value);
    } else {
      y[at + column] = Y(value);
    }
  }
}

fn store_chunk(at: u32, column: u32, v: Chunk) {
  for (var i = 0u; i < 4u; i++) {
    store(at, column + i, v.a[i]);
    store(at, column + 4u + i, v.b[i]);
  }
}

@compute @workgroup_size(32)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let token = id.y;
  let block = id.x / CHUNKS_PER_BLOCK;
  let row = token_id(token) - params.first_row;
  if (block >= params.weight.blocks || row >= params.rows) {
    return;
  }
  let w = weight_chunk(row, block, id.x % CHUNKS_PER_BLOCK);
  let s = params.scale * weight_scale(row, block);
  store_chunk(token * params.y_stride, id.x * 8u, Chunk(s * w.a, s * w.b));
}

// What `attention` and `attention_single` bind alike.
override SPLIT: bool = false;
// Scores s become soft_cap · tanh(s / soft_cap).
override SOFT_CAP: bool = false;
// Each query also weighs its head's sink, a score without a value.
override SINKS: bool = false;
override HEAD_DIM: u32 = 64u;
#include "lib/kv_place.wgsl"
#include "lib/tanh.wgsl"
struct Params {
  heads: u32,
  kv_heads: u32,
  block_size: u32,
  // vec4 per row of q and of y.
  q_stride: u32,
  y_stride: u32,
  // Positions that a token sees, itself included; 0 sees all.
  window: u32,
  scale: f32,
  // Offsets within the batch, and physical blocks per sequence in the block tables.
  positions: u32,
  sequences: u32,
  block_tables: u32,
  max_blocks: u32,
  // Where the first of the tiles is, each its first token and how many it has.
  tiles: u32,
  // Positions of a split; in `attention` a multiple of STEP.
  split: u32,
  soft_cap: f32,
  // Of heads that are rotated on the way: elements per row of qkv and of rope, and dimensions that are rotated.
  qkv_stride: u32,
  rope_stride: u32,
  rotary_dim: u32,
  // Of `attention`, always CHUNKS, LANE_CHUNKS and QUERIES. Loops that take their count from here stay one: unrolled, they take a software adapter
  // seconds to compile, or half a minute.
  chunks: u32,
  lane_chunks: u32,
  queries: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> batch: array<u32>;
// Rows of heads: a token's results; or with SPLIT, in [split][tile] and f32, the unnormalised sums of each head, then its maximum, its total
// weight and two unused values.
@group(0) @binding(5) var<storage, read_write> y: array<Y4>;
// One score for each head, where SINKS.
@group(0) @binding(6) var<storage, read> sinks: array<f32>;

// What attention reads, where it first makes that itself: a tile of one token, the only one of its sequence in the step, rotates its heads of q
// and of k, and writes k and v to the caches. Other tiles of that KV head write the same. Not for types of the cache that have scales.
@group(0) @binding(2) var<storage, read_write> q: array<X4>;
@group(0) @binding(3) var<storage, read_write> k_cache: array<Kv4>;
@group(0) @binding(4) var<storage, read_write> v_cache: array<Kv4>;
@group(0) @binding(7) var<storage, read> qkv: array<X>;
@group(0) @binding(8) var<storage, read> rope: array<f32>;
#include "lib/rotate.wgsl"

fn normalized(head: Head, i: u32) -> f32 {
  return f32(qkv[head.origin + i]);
}

fn rotate_heads(tile: Tile, lane: u32) {
  let row = tile.first_token * params.qkv_stride;
  let angles = (tile.first_end - 1u) * params.rope_stride;
  for (var n = 0u; n < GROUP; n++) {
    let head = Head(row + (tile.head + n) * HEAD_DIM, angles, 0u, 1.0, false);
    for (var chunk = lane; chunk < CHUNKS; chunk += LANES) {
      q[query_place(tile, n) + chunk] = X4(rotated4(head, chunk));
    }
  }
  // With SPLIT only the last split reads the token's own position.
  if (tile.end == tile.first_end) {
    let origin = row + (params.heads + tile.kv_head) * HEAD_DIM;
    let k = Head(origin, angles, 0u, 1.0, false);
    let v = Head(origin + params.kv_heads * HEAD_DIM, angles, 0u, 1.0, true);
    let place = place_of(tile, tile.first_end - 1u);
    for (var chunk = lane; chunk < CHUNKS; chunk += LANES) {
      k_cache[place.head + chunk] = kv_encode(rotated4(k, chunk), 1.0);
      v_cache[place.head + chunk] = kv_encode(rotated4(v, chunk), 1.0);
    }
  }
  storageBarrier();
  workgroupBarrier();
}

// What attention of single tokens reads, where it first makes that itself: the token is the only one of its sequence in the step. Its heads of q
// are rotated in workgroup memory, and k and v of its position written to the caches, by each workgroup that will read them. Binding 2 is unused.
// Not for types of the cache that have scales.
@group(0) @binding(3) var<storage, read_write> k_cache: array<Kv4>;
@group(0) @binding(4) var<storage, read_write> v_cache: array<Kv4>;
@group(0) @binding(7) var<storage, read> qkv: array<X>;
@group(0) @binding(8) var<storage, read> rope: array<f32>;
var<workgroup> rotated_heads: array<vec4f, GROUP * CHUNKS>;
#include "lib/rotate.wgsl"

fn normalized(head: Head, i: u32) -> f32 {
  return f32(qkv[head.origin + i]);
}

fn rotate_heads(tile: Tile, index: u32) {
  let row = tile.token * params.qkv_stride;
  let angles = tile.position * params.rope_stride;
  for (var at = index; at < GROUP * CHUNKS; at += LANES) {
    let head = Head(row + head_of(tile, at / CHUNKS) * HEAD_DIM, angles, 0u, 1.0, false);
    rotated_heads[at] = rotated4(head, at % CHUNKS);
  }
  if (tile.start <= tile.position && tile.position < tile.end) {
    let origin = row + (params.heads + tile.kv_head) * HEAD_DIM;
    let k = Head(origin, angles, 0u, 1.0, false);
    let v = Head(origin + params.kv_heads * HEAD_DIM, angles, 0u, 1.0, true);
    let place = place_of(tile, tile.position);
    for (var at = index; at < 2u * CHUNKS; at += LANES) {
      let to = place.head + at % CHUNKS;
      if (at < CHUNKS) {
        k_cache[to] = kv_encode(rotated4(k, at), 1.0);
      } else {
        v_cache[to] = kv_encode(rotated4(v, at % CHUNKS), 1.0);
      }
    }
  }
  storageBarrier();
  workgroupBarrier();
}

fn query(tile: Tile, n: u32, chunk: u32) -> vec4f {
  return rotated_heads[n * CHUNKS + chunk];
}

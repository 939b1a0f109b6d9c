// What attention of single tokens reads, where `rope_cache` has written it: rows of q, and the caches of K and V.
@group(0) @binding(2) var<storage, read> q: array<X4>;
@group(0) @binding(3) var<storage, read> k_cache: array<Kv4>;
@group(0) @binding(4) var<storage, read> v_cache: array<Kv4>;

fn rotate_heads(tile: Tile, index: u32) {
}

fn query(tile: Tile, n: u32, chunk: u32) -> vec4f {
  return vec4f(q[tile.token * params.q_stride + head_of(tile, n) * CHUNKS + chunk]);
}

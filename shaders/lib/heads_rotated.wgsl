// What attention reads, where `rope_cache` has written it: rows of q, and the caches of K and V.
@group(0) @binding(2) var<storage, read> q: array<X4>;
@group(0) @binding(3) var<storage, read> k_cache: array<Kv4>;
@group(0) @binding(4) var<storage, read> v_cache: array<Kv4>;

fn rotate_heads(tile: Tile, lane: u32) {
}

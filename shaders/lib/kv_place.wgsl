// A cache of K or V is [block][kvHead], in it [slot][D / 4] elements of four dimensions, then KV_SCALES · [slot] scales. The slot's file
// (kv/) says what an element is. A head's values are kv_decode of its elements times its scale, which is 1 where the type has none.
#include kv

// Where a head of a token begins, and its scale, in elements.
struct KvPlace { head: u32, scale: u32 }

// `chunks` is D / 4.
fn kv_place(block: u32, slot: u32, kv_head: u32, chunks: u32) -> KvPlace {
  let origin = (block * params.kv_heads + kv_head) * params.block_size * (chunks + KV_SCALES);
  return KvPlace(origin + slot * chunks, origin + params.block_size * chunks + slot);
}

// A cache of K or V is [block][kvHead], in it [slot][kv_elements(D / 4)] elements, then KV_SCALES · [slot] scales. The slot's file (kv/) says
// what an element is. The four dimensions of a chunk are kv_decode of the chunk's element and of what its group begins with, times the head's
// scale, which is 1 where the type has none.
#include kv

// Where a head of a token begins, and its scale, in elements.
struct KvPlace { head: u32, scale: u32 }

// `chunks` is D / 4.
fn kv_place(block: u32, slot: u32, kv_head: u32, chunks: u32) -> KvPlace {
  let size = kv_elements(chunks);
  let origin = (block * params.kv_heads + kv_head) * params.block_size * (size + KV_SCALES);
  return KvPlace(origin + slot * size, origin + params.block_size * size + slot);
}

// f16 weights are multiplied as they are.
#include "lib/staged_words.wgsl"
fn put_raw(at: u32, raw: Raw) {
  tiles[at] = raw;
}

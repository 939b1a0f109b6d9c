// FP8 of five bits of exponent: the upper half of an f16.
#include "lib/fp8.wgsl"
fn eights(word: u32) -> vec4f {
  return interleaved((word & 0x00ff00ffu) << 8u, word & 0xff00ff00u);
}

// FP8 of four bits of exponent: with these as the lower ones of an f16's five, 2^-8 of the value.
#include "lib/fp8.wgsl"
// Of bytes in the upper halves of 16 bits each.
fn as_halves(bytes: u32) -> u32 {
  return (bytes & 0x80008000u) | ((bytes & 0x7f007f00u) >> 1u);
}

fn eights(word: u32) -> vec4f {
  return 256.0 * interleaved(as_halves(word << 8u), as_halves(word));
}

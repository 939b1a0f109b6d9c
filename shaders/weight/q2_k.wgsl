// GGUF's Q2_K: 2-bit codes with a scale and a minimum for each 16.
#include "lib/codes_2.wgsl"
#include "lib/super_nibbles.wgsl"

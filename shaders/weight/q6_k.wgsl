// GGUF's Q6_K: 6-bit codes with a scale for each 16.
#include "lib/codes_6.wgsl"
#include "lib/super_signed.wgsl"

// GGUF's Q3_K: 3-bit codes with a scale for each 16.
#include "lib/codes_3.wgsl"
#include "lib/super_signed.wgsl"

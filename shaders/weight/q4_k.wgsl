// GGUF's Q4_K: 4-bit codes with a scale and a minimum for each 32.
#include "lib/codes_4.wgsl"
#include "lib/super_minimums.wgsl"

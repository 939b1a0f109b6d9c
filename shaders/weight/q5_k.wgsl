// GGUF's Q5_K: 5-bit codes with a scale and a minimum for each 32.
#include "lib/codes_5.wgsl"
#include "lib/super_minimums.wgsl"

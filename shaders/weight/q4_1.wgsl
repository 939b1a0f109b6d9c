// GGUF's Q4_1: 4-bit codes with a scale and what is added for each 32.
#include "lib/codes_4.wgsl"
#include "lib/added.wgsl"

// GGUF's Q5_1: 5-bit codes with a scale and what is added for each 32.
#include "lib/codes_5.wgsl"
#include "lib/added.wgsl"

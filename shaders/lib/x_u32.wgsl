// Activations as INT8 codes with their scales (`quantize_rows`).
@group(0) @binding(1) var<storage, read> x: array<vec4u>;

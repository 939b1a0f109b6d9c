// Eight values as pairs of f16, in the order in which their reader decodes them.
struct HalfChunk { a: vec2<f16>, b: vec2<f16>, c: vec2<f16>, d: vec2<f16> }

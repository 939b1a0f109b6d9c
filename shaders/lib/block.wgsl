// Values along K are read in blocks of 32, or where a kernel's tile would not fit the registers, in chunks of 8. Named fields stay in
// registers; an array would not on every compiler.
struct Chunk { a: vec4f, b: vec4f }
struct Block { p: Chunk, q: Chunk, r: Chunk, s: Chunk }
// A block of INT8 values, four per word, in the order in which the weight's reader unpacks codes.
struct Packed { a: vec4u, b: vec4u }

const CHUNKS_PER_BLOCK = 4u;

fn products(w: Chunk, x: Chunk) -> vec4f {
  return w.a * x.a + w.b * x.b;
}

fn add_up(v: vec4f) -> f32 {
  return (v.x + v.y) + (v.z + v.w);
}

fn chunk_dot(w: Chunk, x: Chunk) -> f32 {
  return add_up(products(w, x));
}

fn block_dot(w: Block, x: Block) -> f32 {
  return add_up((products(w.p, x.p) + products(w.q, x.q)) + (products(w.r, x.r) + products(w.s, x.s)));
}

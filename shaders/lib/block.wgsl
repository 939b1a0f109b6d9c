// Values along K are read in blocks of 32, four chunks of 8. Named fields stay in registers; an array would not on every compiler.
struct Chunk { a: vec4f, b: vec4f }
struct Block { p: Chunk, q: Chunk, r: Chunk, s: Chunk }
// A block of INT8 values, four per word, in the order in which the weight's reader unpacks codes.
struct Packed { a: vec4u, b: vec4u }

const CHUNKS_PER_BLOCK = 4u;

// sum + w · x, fused in a fixed order, so that no compiler may choose another.
fn add_products(sum: f32, w: vec4f, x: vec4f) -> f32 {
  return fma(w.w, x.w, fma(w.z, x.z, fma(w.y, x.y, fma(w.x, x.x, sum))));
}

fn add_chunk(sum: f32, w: Chunk, x: Chunk) -> f32 {
  return add_products(add_products(sum, w.a, x.a), w.b, x.b);
}

fn block_dot(w: Block, x: Block) -> f32 {
  return add_block_dot(0.0, w, x);
}

fn add_block_dot(sum: f32, w: Block, x: Block) -> f32 {
  return add_chunk(add_chunk(add_chunk(add_chunk(sum, w.p, x.p), w.q, x.q), w.r, x.r), w.s, x.s);
}

fn chunk_scaled(v: Chunk, scale: f32) -> Chunk {
  return Chunk(scale * v.a, scale * v.b);
}

fn block_scaled(v: Block, scale: f32) -> Block {
  return Block(chunk_scaled(v.p, scale), chunk_scaled(v.q, scale), chunk_scaled(v.r, scale), chunk_scaled(v.s, scale));
}

fn chunk_product(v: Chunk, w: Chunk) -> Chunk {
  return Chunk(v.a * w.a, v.b * w.b);
}

fn block_product(v: Block, w: Block) -> Block {
  return Block(chunk_product(v.p, w.p), chunk_product(v.q, w.q), chunk_product(v.r, w.r), chunk_product(v.s, w.s));
}

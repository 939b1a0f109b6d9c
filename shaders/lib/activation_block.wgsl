// Activations `x` of element type X, rows of `params.x_stride` vec4, padded with zeros to whole blocks; and the weight of their norm,
// whose columns fill whole blocks.
fn x_chunk(row: u32, block: u32, chunk: u32) -> Chunk {
  let at = row * params.x_stride + (block * CHUNKS_PER_BLOCK + chunk) * 2u;
  let v = x_eight(at);
  return Chunk(vec4f(v[0]), vec4f(v[1]));
}

fn x_block(row: u32, block: u32) -> Block {
  return Block(x_chunk(row, block, 0u), x_chunk(row, block, 1u), x_chunk(row, block, 2u), x_chunk(row, block, 3u));
}

fn norm_chunk(block: u32, chunk: u32) -> Chunk {
  let at = (block * CHUNKS_PER_BLOCK + chunk) * 2u;
  return Chunk(norm[at], norm[at + 1u]);
}

fn norm_block(block: u32) -> Block {
  return Block(norm_chunk(block, 0u), norm_chunk(block, 1u), norm_chunk(block, 2u), norm_chunk(block, 3u));
}

// f32 weights: a chunk is 2 vec4.
@group(1) @binding(0) var<storage, read> codes: array<vec4f>;

fn weight_chunk(row: u32, block: u32, chunk: u32) -> Chunk {
  let at = ((row * params.weight.blocks + block) * CHUNKS_PER_BLOCK + chunk) * 2u;
  return Chunk(codes[at], codes[at + 1u]);
}

fn weight_block(row: u32, block: u32) -> Block {
  return Block(
    weight_chunk(row, block, 0u), weight_chunk(row, block, 1u), weight_chunk(row, block, 2u), weight_chunk(row, block, 3u),
  );
}

fn weight_scale(row: u32, block: u32) -> f32 {
  return 1.0;
}

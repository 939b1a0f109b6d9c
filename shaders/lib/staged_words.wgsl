// Weights of 16 bits, loaded a step ahead, eight at a time.
const RAW_UNITS = 1u;
alias Raw = vec4u;

fn x_unit(words: vec4u) -> vec4u {
  return words;
}

fn raw_weights(row: u32, block: u32, unit: u32) -> Raw {
  return codes[(row * params.weight.blocks + block) * BLOCK_UNITS + unit];
}

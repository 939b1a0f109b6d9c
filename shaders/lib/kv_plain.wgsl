// A type of the KV cache whose element is four neighbouring values of a head, stored without a look at the others.
const KV_GATHERS = false;

fn kv_elements(chunks: u32) -> u32 {
  return chunks;
}

fn kv_element(chunk: u32) -> u32 {
  return chunk;
}

fn kv_group(chunk: u32) -> u32 {
  return chunk;
}

fn kv_decode(stored: Kv4, group: Kv4, chunk: u32) -> vec4f {
  return kv_decode4(stored);
}

fn kv_gather(chunk: u32, v: vec4f) {
}

fn kv_gathered(chunk: u32) -> vec4f {
  return vec4f();
}

fn kv_mix(lane: u32, chunks: u32) {
}

fn kv_packed(element: u32, chunks: u32) -> Kv4 {
  return Kv4();
}

// Philox4x32-10 (Salmon et al., SC 2011): a generator without state, keyed by the seed and counted by (token group, position).
fn multiply_high(a: u32, b: u32) -> u32 {
  let al = a & 0xffffu;
  let ah = a >> 16u;
  let bl = b & 0xffffu;
  let bh = b >> 16u;
  let low = al * bl;
  let middle = ah * bl + (low >> 16u);
  let cross = al * bh + (middle & 0xffffu);
  return ah * bh + (middle >> 16u) + (cross >> 16u);
}

fn philox(counter: vec4u, seed: vec2u) -> vec4u {
  var c = counter;
  var k = seed;
  for (var round = 0u; round < 10u; round++) {
    let h0 = multiply_high(0xd2511f53u, c.x);
    let h1 = multiply_high(0xcd9e8d57u, c.z);
    c = vec4u(h1 ^ c.y ^ k.x, 0xcd9e8d57u * c.z, h0 ^ c.w ^ k.y, 0xd2511f53u * c.x);
    k += vec2u(0x9e3779b9u, 0xbb67ae85u);
  }
  return c;
}

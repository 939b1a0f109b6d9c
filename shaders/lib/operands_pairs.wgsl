// Operands of integer products for adapters where a product of four bytes is no instruction: two values in a word, w0 + w1 · 2^16 and
// x1 + x0 · 2^16. One 32-bit product of them is w0 · x1 + (w0 · x0 + w1 · x1) · 2^16, so half as many products do, and a block adds up
// in one word. Only for 4-bit weights: |w| ≤ 8 and |x| ≤ 127, so the lower sum is at most 16 · 8 · 127 and the upper 32 · 8 · 127, both
// below 2^15.
struct Operand { a: vec4u, b: vec4u, c: vec4u, d: vec4u }

// Bytes 0 and 2 of words that hold 16 · w in each byte.
fn weight_pairs(words: vec4u) -> vec4u {
  let eights = vec4u(0x00080008u);
  return (((words >> vec4u(4u)) & vec4u(0x000f000fu)) ^ eights) - eights;
}

fn weight_operand(w: Packed) -> Operand {
  let byte = vec4u(8u);
  return Operand(weight_pairs(w.a), weight_pairs(w.a >> byte), weight_pairs(w.b), weight_pairs(w.b >> byte));
}

// Bytes 0 and 2 of words of bytes + 128, in reverse.
fn x_pairs(words: vec4u) -> vec4u {
  let pairs = words & vec4u(0x00ff00ffu);
  return ((pairs << vec4u(16u)) | (pairs >> vec4u(16u))) - vec4u(0x00800080u);
}

fn x_operand(x: Packed) -> Operand {
  let byte = vec4u(8u);
  let flip = vec4u(0x80808080u);
  let a = x.a ^ flip;
  let b = x.b ^ flip;
  return Operand(x_pairs(a), x_pairs(a >> byte), x_pairs(b), x_pairs(b >> byte));
}

// 16 · Σ w · x, as from bytes. Half a unit is added so that the shift rounds a negative lower sum away.
fn operand_dot(w: Operand, x: Operand) -> i32 {
  let v = (w.a * x.a + w.b * x.b) + (w.c * x.c + w.d * x.d);
  let sum = (v.x + v.y) + (v.z + v.w) + 0x8000u;
  return (bitcast<i32>(sum) >> 16u) << 4u;
}

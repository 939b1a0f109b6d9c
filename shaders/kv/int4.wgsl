// K and V in codes of 4 bits, 64 neighbouring values of a head in a group: a word of two f16, scale and minimum, low half first, then words of
// eight codes each, lowest bits first. A value is minimum + code · scale. A head's last group may have fewer values, and fewer words.
// Q and K are stored as Hadamard's matrix turns them (Ashkboos et al., QuaRot, arXiv 2404.00456): q·k stays, and a dimension whose keys are
// large is spread over all instead of taking the codes from its neighbours.
alias Kv4 = u32;
#include "lib/kv_unscaled.wgsl"
const KV_GATHERS = true;
const GROUP_CHUNKS = 16u;
const GROUP_WORDS = 1u + GROUP_CHUNKS / 2u;
const LARGEST_CODE = 15.0;
// The head that is to be packed.
var<workgroup> kv_head: array<vec4f, HEAD_DIM / 4u>;

fn kv_elements(chunks: u32) -> u32 {
  return (chunks + GROUP_CHUNKS - 1u) / GROUP_CHUNKS + (chunks + 1u) / 2u;
}

// Where the codes of a chunk lie, and what its group begins with.
fn kv_element(chunk: u32) -> u32 {
  return kv_group(chunk) + 1u + chunk % GROUP_CHUNKS / 2u;
}

fn kv_group(chunk: u32) -> u32 {
  return chunk / GROUP_CHUNKS * GROUP_WORDS;
}

fn kv_decode(stored: Kv4, group: Kv4, chunk: u32) -> vec4f {
  let codes = (vec4u(stored >> (16u * (chunk % 2u))) >> vec4u(0u, 4u, 8u, 12u)) & vec4u(0xfu);
  let affine = unpack2x16float(group);
  return fma(vec4f(codes), vec4f(affine.x), vec4f(affine.y));
}

fn kv_gather(chunk: u32, v: vec4f) {
  kv_head[chunk] = v;
}

fn kv_gathered(chunk: u32) -> vec4f {
  return kv_head[chunk];
}

// Multiplies the head by Hadamard's matrix over √size, in blocks of the greatest power of two that divides the head's size.
fn kv_mix(lane: u32, chunks: u32) {
  let block = chunks & (~chunks + 1u);
  let factor = inverseSqrt(4.0 * f32(block));
  for (var chunk = lane; chunk < chunks; chunk += LANES) {
    let v = kv_head[chunk];
    let pairs = vec4f(v.x + v.y, v.x - v.y, v.z + v.w, v.z - v.w);
    kv_head[chunk] = factor * vec4f(pairs.xy + pairs.zw, pairs.xy - pairs.zw);
  }
  workgroupBarrier();
  for (var half = 1u; half < block; half *= 2u) {
    for (var pair = lane; pair < chunks / 2u; pair += LANES) {
      let low = pair / half * 2u * half + pair % half;
      let a = kv_head[low];
      let b = kv_head[low + half];
      kv_head[low] = a + b;
      kv_head[low + half] = a - b;
    }
    workgroupBarrier();
  }
}

// Scale and minimum of a group, two f16.
fn affine_of(first: u32, end: u32) -> u32 {
  var least = kv_head[first];
  var greatest = kv_head[first];
  for (var chunk = first + 1u; chunk < end; chunk++) {
    least = min(least, kv_head[chunk]);
    greatest = max(greatest, kv_head[chunk]);
  }
  let low = min(min(least.x, least.y), min(least.z, least.w));
  let high = max(max(greatest.x, greatest.y), max(greatest.z, greatest.w));
  return pack2x16float(vec2f((high - low) / LARGEST_CODE, low));
}

// Four codes in the lower half of a word.
fn codes_of(v: vec4f, affine: vec2f) -> u32 {
  // Values that are all the same have the scale 0.
  let codes = select(vec4f(), round((v - affine.y) / affine.x), affine.x > 0.0);
  let shifted = vec4u(clamp(codes, vec4f(), vec4f(LARGEST_CODE))) << vec4u(0u, 4u, 8u, 12u);
  return shifted.x | shifted.y | shifted.z | shifted.w;
}

fn kv_packed(element: u32, chunks: u32) -> Kv4 {
  let first = element / GROUP_WORDS * GROUP_CHUNKS;
  let group = affine_of(first, min(first + GROUP_CHUNKS, chunks));
  let word = element % GROUP_WORDS;
  if (word == 0u) {
    return group;
  }
  let affine = unpack2x16float(group);
  let chunk = first + 2u * (word - 1u);
  let low = codes_of(kv_head[chunk], affine);
  if (chunk + 1u == chunks) {
    return low;
  }
  return low | (codes_of(kv_head[chunk + 1u], affine) << 16u);
}

fn kv_encode(v: vec4f, scale: f32) -> Kv4 {
  return Kv4();
}

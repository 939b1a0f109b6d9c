// Rounds rows to INT8, one scale for each block of 32 along K: greatest magnitude / 127. A lane takes a block.
struct Params {
  // Blocks in a row.
  blocks: u32,
  // Elements per row of x; words per row of y.
  x_stride: u32,
  y_stride: u32,
  // How far apart the values of a word lie: the codes that a byte of the weight holds.
  step: u32,
  // Always 32 and 8; from here, so that loops stay loops.
  values: u32,
  words: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<X>;
// [row], in it [block][word] codes, then [block] scales.
@group(0) @binding(2) var<storage, read_write> y: array<u32>;
override LANES: u32 = 32u;
const LARGEST_CODE = 127.0;

// Four values as signed bytes, low byte first; a block of zeros has the scale 0.
fn codes_of(v: vec4f, scale: f32) -> u32 {
  let codes = select(vec4f(), round(v / scale), scale > 0.0);
  let bytes = bitcast<vec4u>(vec4i(clamp(codes, vec4f(-LARGEST_CODE), vec4f(LARGEST_CODE)))) & vec4u(255u);
  return bytes.x | (bytes.y << 8u) | (bytes.z << 16u) | (bytes.w << 24u);
}

// The first value of a word: with two codes in a byte, four words hold the even values of 8 each, and four the odd ones.
fn word_start(word: u32) -> u32 {
  let runs = params.words / params.step;
  return (word % runs) * 4u * params.step + word / runs;
}

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let block = id.x;
  if (block >= params.blocks) {
    return;
  }
  let origin = id.y * params.x_stride + block * params.values;
  var greatest = 0.0;
  for (var i = 0u; i < params.values; i++) {
    greatest = max(greatest, abs(f32(x[origin + i])));
  }
  let scale = greatest / LARGEST_CODE;
  let to = id.y * params.y_stride;
  for (var word = 0u; word < params.words; word++) {
    let at = origin + word_start(word);
    let v = vec4f(
      f32(x[at]), f32(x[at + params.step]), f32(x[at + 2u * params.step]), f32(x[at + 3u * params.step]),
    );
    y[to + block * params.words + word] = codes_of(v, scale);
  }
  y[to + params.blocks * params.words + block] = bitcast<u32>(scale);
}

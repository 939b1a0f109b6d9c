// Rows of activations as they are rounded to INT8. A lane takes a block of 32 along K.
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
  // Of all values, where STATIC.
  scale: f32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<X>;
// [row], in it [block][word] codes, then [block] scales.
@group(0) @binding(2) var<storage, read_write> y: array<u32>;
// Values of this magnitude or more stay floats: their codes are 0. 0 rounds all.
override OUTLIERS: f32 = 0.0;
const LARGEST_CODE = 127.0;

fn rounded_part(value: f32) -> f32 {
  return select(value, 0.0, OUTLIERS > 0.0 && abs(value) >= OUTLIERS);
}

// Of a block of a row.
fn greatest_of(row: u32, block: u32) -> f32 {
  let origin = row * params.x_stride + block * params.values;
  var greatest = 0.0;
  for (var i = 0u; i < params.values; i++) {
    greatest = max(greatest, abs(rounded_part(f32(x[origin + i]))));
  }
  return greatest;
}

// Four values as signed bytes, low byte first; a scale of 0 gives zeros.
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

fn value_at(at: u32) -> f32 {
  return rounded_part(f32(x[at]));
}

fn store_block(row: u32, block: u32, scale: f32) {
  let origin = row * params.x_stride + block * params.values;
  let to = row * params.y_stride;
  for (var word = 0u; word < params.words; word++) {
    let at = origin + word_start(word);
    let v = vec4f(
      value_at(at), value_at(at + params.step), value_at(at + 2u * params.step), value_at(at + 3u * params.step),
    );
    y[to + block * params.words + word] = codes_of(v, scale);
  }
  y[to + params.blocks * params.words + block] = bitcast<u32>(scale);
}

// Samples one token from each row of logits, one workgroup a row. What top-k, top-p and min-p keep is always a set {logit ≥ threshold},
// found by bisecting the bits of the threshold; the draw is the Gumbel-max trick over that set, so no sort and no scan is needed.
override LANES: u32 = 64u;
#include reduce
#include "lib/argmax.wgsl"
#include "lib/philox.wgsl"
struct Params {
  vocabulary: u32,
  stride: u32,
  // Offset of the table of rows within the batch, 16 words each.
  rows: u32,
  results_stride: u32,
  // Always 0x80000000: where a bisection starts. A constant would let the compiler unroll all 32 rounds, which takes it seconds.
  top_bit: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> batch: array<u32>;
@group(0) @binding(2) var<storage, read> logits: array<f32>;
// Rows of results, whose first word is the token.
@group(0) @binding(3) var<storage, read_write> results: array<u32>;

// Below it a token is banned: it is never kept, whatever the limits let through.
const LEAST_KEPT = -3.4e38;

// Orders floats as unsigned integers.
fn key(value: f32) -> u32 {
  let bits = bitcast<u32>(value);
  return select(bits | 0x80000000u, ~bits, (bits >> 31u) == 1u);
}

// Standard Gumbel noise −log(−log(1 − u)). u has 23 bits, so that it is exact and neither 0 nor 1. Near 1 a GPU's log may be off by 2⁻²¹,
// which would be most of its value: a series replaces it there.
fn gumbel(bits: u32) -> f32 {
  let u = (f32(bits >> 9u) + 0.5) * 1.1920929e-7;
  return -log(select(-log(1.0 - u), u + u * u * (0.5 + u / 3.0), u < 0.01));
}

// Four logits of a lane's at once, so that their loads overlap: its columns lie LANES apart. Beyond the row its last column stands in.
struct Four { columns: vec4u, logits: vec4f, inside: vec4<bool> }

fn four_of(row: u32, first: u32) -> Four {
  let columns = vec4u(first) + vec4u(0u, LANES, 2u * LANES, 3u * LANES);
  let last = params.vocabulary - 1u;
  let at = min(columns, vec4u(last));
  let values = vec4f(logits[row + at.x], logits[row + at.y], logits[row + at.z], logits[row + at.w]);
  return Four(at, values, columns <= vec4u(last));
}

fn keys(values: vec4f) -> vec4u {
  return vec4u(key(values.x), key(values.y), key(values.z), key(values.w));
}

struct Best { logit: f32, column: u32 }

fn better(best: Best, logit: f32, column: u32) -> Best {
  if (logit > best.logit || best.column == NONE) {
    return Best(logit, column);
  }
  return best;
}

// The greatest of a lane's logits, the first among equals.
fn best_of_lane(lane: u32, row: u32) -> Best {
  var best = Best(LOWEST, NONE);
  for (var i = lane; i < params.vocabulary; i += 4u * LANES) {
    let v = four_of(row, i);
    best = better(best, v.logits.x, v.columns.x);
    best = better(best, v.logits.y, v.columns.y);
    best = better(best, v.logits.z, v.columns.z);
    best = better(best, v.logits.w, v.columns.w);
  }
  return best;
}

fn sum_of(v: vec4f) -> f32 {
  return (v.x + v.y) + (v.z + v.w);
}

// How many logits, or how much probability (relative to the greatest), lie at or above the threshold.
fn count_from(lane: u32, row: u32, threshold: u32) -> f32 {
  var count = vec4f();
  for (var i = lane; i < params.vocabulary; i += 4u * LANES) {
    let v = four_of(row, i);
    count += select(vec4f(), vec4f(1.0), v.inside & (keys(v.logits) >= vec4u(threshold)));
  }
  return workgroup_sum(lane, sum_of(count));
}

fn mass_from(lane: u32, row: u32, from_key: u32, greatest: f32, inverse_temperature: f32) -> f32 {
  let threshold = max(from_key, key(LEAST_KEPT));
  var mass = vec4f();
  for (var i = lane; i < params.vocabulary; i += 4u * LANES) {
    let v = four_of(row, i);
    let kept = v.inside & (keys(v.logits) >= vec4u(threshold));
    mass += select(vec4f(), exp((v.logits - greatest) * inverse_temperature), kept);
  }
  return workgroup_sum(lane, sum_of(mass));
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let options = params.rows + group.x * 16u;
  let row = batch[options + 7u] * params.stride;
  let temperature = bitcast<f32>(batch[options]);
  let of_lane = best_of_lane(lane, row);
  let top = argmax(lane, of_lane.logit, of_lane.column);
  let greatest = logits[row + top];
  if (temperature == 0.0) {
    if (lane == 0u) {
      results[group.x * params.results_stride] = top;
    }
    return;
  }
  // Finite for the smallest temperatures too: 0 · ∞ would be NaN.
  let inverse_temperature = min(1.0 / temperature, 3.4e38);
  let min_p = bitcast<f32>(batch[options + 3u]);
  var threshold = key(max(LEAST_KEPT, select(LOWEST, greatest + log(min_p) * temperature, min_p > 0.0)));
  let top_k = batch[options + 1u];
  if (top_k != 0u && top_k < params.vocabulary) {
    var found = 0u;
    for (var bit = params.top_bit; bit != 0u; bit >>= 1u) {
      if (count_from(lane, row, found | bit) >= f32(top_k)) {
        found |= bit;
      }
    }
    threshold = max(threshold, found);
  }
  let top_p = bitcast<f32>(batch[options + 2u]);
  if (top_p < 1.0) {
    let goal = top_p * mass_from(lane, row, threshold, greatest, inverse_temperature);
    var found = 0u;
    for (var bit = params.top_bit; bit != 0u; bit >>= 1u) {
      if (mass_from(lane, row, found | bit, greatest, inverse_temperature) >= goal) {
        found |= bit;
      }
    }
    threshold = max(threshold, found);
  }
  threshold = min(threshold, key(greatest));
  let seed = vec2u(batch[options + 4u], batch[options + 5u]);
  let position = batch[options + 6u];
  var best = LOWEST;
  var best_index = NONE;
  for (var i = lane; i < params.vocabulary; i += LANES) {
    let logit = logits[row + i];
    if (key(logit) >= threshold) {
      let bits = philox(vec4u(i / 4u, position, 0u, 0u), seed)[i % 4u];
      let score = (logit - greatest) * inverse_temperature + gumbel(bits);
      if (score > best || best_index == NONE) {
        best = score;
        best_index = i;
      }
    }
  }
  let drawn = argmax(lane, best, best_index);
  if (lane == 0u) {
    results[group.x * params.results_stride] = drawn;
  }
}

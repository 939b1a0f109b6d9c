// Log-probabilities by the logits as the model gave them, one workgroup a row: of the row's token, with its rank, and of the likeliest.
override LANES: u32 = 64u;
#include reduce
#include "lib/argmax.wgsl"
#include "lib/next_best.wgsl"
struct Params {
  vocabulary: u32,
  stride: u32,
  // Offset of the table of rows within the batch, 16 words each.
  rows: u32,
  results_stride: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> batch: array<u32>;
@group(0) @binding(2) var<storage, read> logits: array<f32>;
// Rows of results: token, log-probability, rank, a spare word, 20 ids, 20 log-probabilities.
@group(0) @binding(3) var<storage, read_write> results: array<u32>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let options = params.rows + group.x * 16u;
  let wanted = batch[options + 8u];
  if (wanted == NONE) {
    return;
  }
  let row = group.x * params.stride;
  let result = group.x * params.results_stride;
  let num_top = min(wanted, params.vocabulary);
  var best = Candidate(LOWEST, NONE);
  var likeliest = NONE;
  var greatest = LOWEST;
  for (var round = 0u; round < max(1u, num_top); round++) {
    if (best.token == likeliest) {
      best = next_of(lane, row, best);
    }
    likeliest = argmax(lane, best.logit, best.token);
    greatest = max(greatest, logits[row + likeliest]);
    if (lane == 0u && round < num_top) {
      results[result + 4u + round] = likeliest;
    }
  }
  var token = batch[options + 9u];
  if (token == NONE) {
    token = results[result];
  }
  let token_logit = logits[row + token];
  var mass = 0.0;
  var num_greater = 0.0;
  for (var i = lane; i < params.vocabulary; i += LANES) {
    let logit = logits[row + i];
    mass += exp(logit - greatest);
    num_greater += select(0.0, 1.0, logit > token_logit);
  }
  let log_mass = log(workgroup_sum(lane, mass));
  let rank = 1u + u32(workgroup_sum(lane, num_greater));
  if (lane == 0u) {
    results[result + 1u] = bitcast<u32>((token_logit - greatest) - log_mass);
    results[result + 2u] = rank;
    for (var i = 0u; i < num_top; i++) {
      let logit = logits[row + results[result + 4u + i]];
      results[result + 24u + i] = bitcast<u32>((logit - greatest) - log_mass);
    }
  }
}

// Edited copies of rows of logits, one workgroup a row: banned tokens, biases, penalties. Lanes share the tokens, then the biases, then
// the counts; a token has at most one bias that always holds, one that holds after the pending token, and one count, so none is written
// by two lanes between two barriers.
override LANES: u32 = 64u;
struct Params {
  vocabulary: u32,
  stride: u32,
  // Rows from one of logits to its edited copy.
  edited_rows: u32,
  // Words of a row of the previous results.
  previous_stride: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
// Headers of 16 words, one for each edited row, and what they point to.
@group(0) @binding(1) var<storage, read> edits: array<u32>;
@group(0) @binding(2) var<storage, read> previous: array<u32>;
@group(0) @binding(3) var<storage, read_write> logits: array<f32>;
var<workgroup> pending_counted: bool;

const NONE = 0xffffffffu;
const IN_PROMPT = 0x80000000u;
const BANNED = -0x1.fffffep+127f;

fn copy_allowed(lane: u32, from_row: u32, to_row: u32, allowed: u32) {
  for (var i = lane; i < params.vocabulary; i += LANES) {
    var logit = logits[from_row + i];
    if (allowed != NONE && ((edits[allowed + i / 32u] >> (i % 32u)) & 1u) == 0u) {
      logit = BANNED;
    }
    logits[to_row + i] = logit;
  }
}

fn finite(logit: f32) -> f32 {
  return clamp(logit, BANNED, -BANNED);
}

// Adds the biases of one condition: NONE, or the pending token.
fn add_biases(lane: u32, header: u32, row: u32, after: u32) {
  let first = edits[header + 7u];
  for (var i = lane; i < edits[header + 8u]; i += LANES) {
    let at = first + 3u * i;
    if (edits[at + 2u] == after) {
      let place = row + edits[at];
      let bias = bitcast<f32>(edits[at + 1u]);
      let logit = logits[place];
      logits[place] = select(finite(logit + bias), BANNED, logit <= BANNED || bias <= BANNED);
    }
  }
}

// `times` in the output, with IN_PROMPT for a token of the prompt.
fn penalize(header: u32, place: u32, times: u32) {
  let logit = logits[place];
  if (logit <= BANNED || times == 0u) {
    return;
  }
  let repetition = bitcast<f32>(edits[header + 2u]);
  let count = f32(times & ~IN_PROMPT);
  let presence = select(0.0, bitcast<f32>(edits[header + 4u]), count > 0.0);
  let repeated = select(logit * repetition, logit / repetition, logit > 0.0);
  logits[place] = finite(repeated - count * bitcast<f32>(edits[header + 3u]) - presence);
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let header = group.x * 16u;
  let from_row = edits[header] * params.stride;
  let row = from_row + params.edited_rows * params.stride;
  var pending = NONE;
  if (edits[header + 1u] != NONE) {
    pending = previous[edits[header + 1u] * params.previous_stride];
  }
  if (lane == 0u) {
    pending_counted = false;
  }
  copy_allowed(lane, from_row, row, edits[header + 9u]);
  storageBarrier();
  add_biases(lane, header, row, NONE);
  storageBarrier();
  if (pending != NONE) {
    add_biases(lane, header, row, pending);
  }
  storageBarrier();
  workgroupBarrier();
  let first = edits[header + 5u];
  for (var i = lane; i < edits[header + 6u]; i += LANES) {
    let token = edits[first + 2u * i];
    var times = edits[first + 2u * i + 1u];
    if (token == pending) {
      pending_counted = true;
      times += 1u;
    }
    penalize(header, row + token, times);
  }
  workgroupBarrier();
  if (lane == 0u && pending != NONE && !pending_counted) {
    penalize(header, row + pending, 1u);
  }
}

// The next of the greatest logits of a row; needs lib/argmax.wgsl, `logits` and `params.vocabulary`. Each lane keeps the best of its own
// columns; the winner of a round is taken, and its lane alone looks for its next one.
struct Candidate {
  logit: f32,
  token: u32,
}

// Of the lane's columns the greatest after `last`, in the order of falling logits and rising ids; the greatest of all after NONE.
fn next_of(lane: u32, row: u32, last: Candidate) -> Candidate {
  var best = Candidate(LOWEST, NONE);
  for (var i = lane; i < params.vocabulary; i += LANES) {
    let logit = logits[row + i];
    let follows = last.token == NONE || logit < last.logit || (logit == last.logit && i > last.token);
    if (follows && (logit > best.logit || best.token == NONE)) {
      best = Candidate(logit, i);
    }
  }
  return best;
}

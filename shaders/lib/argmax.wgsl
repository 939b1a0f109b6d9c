// The greatest of the scores that the lanes of a workgroup hold; needs `#include reduce` and `params.vocabulary`.
const NONE = 0xffffffffu;
// The lowest finite f32: where a search for the greatest begins, and the logit of a banned token.
const LOWEST = -0x1.fffffep+127f;

// The index of the greatest score, the lowest index among equals. A lane that has no score gives LOWEST and NONE.
fn argmax(lane: u32, score: f32, index: u32) -> u32 {
  let greatest = workgroup_max(lane, score);
  let lowest = workgroup_least(lane, select(NONE, index, score == greatest));
  // No score is the greatest where all are NaN.
  return min(lowest, params.vocabulary - 1u);
}

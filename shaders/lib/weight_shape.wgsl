// How a part of a weight lies in memory. A kernel that includes a weight reader has `params.weight` of this type.
struct WeightShape {
  // Blocks of 32 codes in a row.
  blocks: u32,
  // Scales in a row.
  groups: u32,
}

// How the lanes of a subgroup share a step of `attention_single`: ROW_LANES along a row, ROWS of them, each with TURNS positions.
override ROWS: u32 = SUBGROUP_SIZE / ROW_LANES;
// Scores of a row of lanes in a step: of head n in turn i at n · TURNS + i, the heads filled up to HEAD_SLOTS, a power of two. Lane i of a row
// keeps the SLOTS scores from i · PRODUCTS / ROW_LANES on: where they are fewer than lanes, REPLICAS neighbours keep the same.
const PRODUCTS = HEAD_SLOTS * TURNS;
const REPLICAS = max(1u, ROW_LANES / PRODUCTS);
// Lanes of a row that keep the scores of one head.
const HEAD_LANES = ROW_LANES / HEAD_SLOTS;

// Where a lane is: its subgroup, its row, and its place in the row. Its scores are of `head`, from `turn` on.
struct Place {
  subgroup: u32,
  row: u32,
  column: u32,
  head: u32,
  turn: u32,
}

fn place_of_lane(subgroup: u32, lane: u32) -> Place {
  let column = lane % ROW_LANES;
  let first = column * PRODUCTS / ROW_LANES;
  return Place(subgroup, lane / ROW_LANES, column, first / TURNS, first % TURNS);
}

// Adds up products along a row of lanes. In each stage a lane keeps one half of what it has, and gives the other to the lane that keeps that.
fn scores_of(lane: Place, of_lane: array<f32, PRODUCTS>) -> array<f32, SLOTS> {
  var sums = of_lane;
  #unroll stage STAGES
    const half = PRODUCTS >> (stage + 1u);
    const mask = ROW_LANES >> (stage + 1u);
    let upper = (lane.column & mask) != 0u;
    #unroll i HALF_PRODUCTS
      if (i < half) {
        let given = select(sums[i + half], sums[i], upper);
        sums[i] = select(sums[i], sums[i + half], upper) + subgroupShuffleXor(given, mask);
      }
    #end
    if (half == 0u) {
      sums[0] += subgroupShuffleXor(sums[0], mask);
    }
  #end
  var scores: array<f32, SLOTS>;
  #unroll s SLOTS
    scores[s] = sums[s];
  #end
  return scores;
}

// Over the lanes that keep scores of the same head.
fn greatest_of_head(of_lane: f32) -> f32 {
  var greatest = of_lane;
  #unroll bit SUBGROUP_BITS
    const mask = 1u << bit;
    if ((mask >= REPLICAS && mask < HEAD_LANES) || mask >= ROW_LANES) {
      greatest = max(greatest, subgroupShuffleXor(greatest, mask));
    }
  #end
  return greatest;
}

fn sum_of_head(of_lane: f32) -> f32 {
  var sum = of_lane;
  #unroll bit SUBGROUP_BITS
    const mask = 1u << bit;
    if ((mask >= REPLICAS && mask < HEAD_LANES) || mask >= ROW_LANES) {
      sum += subgroupShuffleXor(sum, mask);
    }
  #end
  return sum;
}

// The lane that keeps a score of the row.
fn keeper(lane: Place, slot: u32) -> u32 {
  return lane.row * ROW_LANES + slot / SLOTS * REPLICAS;
}

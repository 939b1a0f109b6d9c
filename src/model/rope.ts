import type { Llama3Rope, Llama3Scaling, RopeConfig, YarnRope } from './config.js';

/**
 * `[positions][rotaryDim]`: for each position the cosines of position · frequency, then the sines, of the rotaryDim/2 frequencies
 * theta^(−2i/rotaryDim) (RoFormer, arXiv 2104.09864, section 3.2.2), rescaled as the kind of rotation says. Frequencies and angles are
 * rounded to f32, as the references do. LongRoPE's divisors are chosen once, by `positions`, so that a sequence never changes them.
 */
export function ropeTable(rope: RopeConfig, positions: number): Float32Array {
  const half = rope.rotaryDim / 2;
  const frequencies = Float32Array.from({ length: half }, (_, i) => frequency(rope, i, positions));
  const size = 'attentionFactor' in rope ? rope.attentionFactor : 1;
  const table = new Float32Array(positions * rope.rotaryDim);
  for (let p = 0; p < positions; p++) {
    for (let i = 0; i < half; i++) {
      const angle = Math.fround(p * frequencies[i]);
      table[p * rope.rotaryDim + i] = size * Math.cos(angle);
      table[p * rope.rotaryDim + half + i] = size * Math.sin(angle);
    }
  }
  return table;
}

/** Radians per position of the pair (i, i + rotaryDim/2). */
function frequency(rope: RopeConfig, i: number, positions: number): number {
  const spread = 'spread' in rope ? (rope.spread ?? rope.rotaryDim) : rope.rotaryDim;
  const plain = rope.theta ** ((-2 * i) / spread);
  switch (rope.type) {
    case 'none':
      return 0;
    case 'default':
      return plain;
    case 'linear':
      return plain / rope.factor;
    case 'llama3':
      return llama3Frequency(rope, plain);
    case 'yarn':
      return yarnFrequency(rope, plain, i);
    case 'longrope':
      return plain / (positions > rope.originalMaxPositions ? rope.long : rope.short)[i];
    default:
      return rope satisfies never;
  }
}

function llama3Frequency(rope: Llama3Rope, plain: number): number {
  const kept = llama3Kept(rope, plain);
  return (1 - kept) * (plain / rope.factor) + kept * plain;
}

/** Share of a frequency that Llama 3's scaling keeps; the rest is divided by its factor. */
export function llama3Kept(rope: Llama3Scaling, frequency: number): number {
  const { lowFreqFactor, highFreqFactor, originalMaxPositions } = rope;
  const turns = (originalMaxPositions * frequency) / (2 * Math.PI);
  return Math.min(1, Math.max(0, (turns - lowFreqFactor) / (highFreqFactor - lowFreqFactor)));
}

function yarnFrequency(rope: YarnRope, plain: number, i: number): number {
  const { factor, betaFast, betaSlow, truncate, originalMaxPositions, rotaryDim, theta } = rope;
  // The index, not a whole one, of the pair that turns so many times in the original positions.
  const indexOf = (turns: number) =>
    (rotaryDim * Math.log(originalMaxPositions / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const low = Math.max(0, truncate ? Math.floor(indexOf(betaFast)) : indexOf(betaFast));
  const high = Math.min(rotaryDim - 1, truncate ? Math.ceil(indexOf(betaSlow)) : indexOf(betaSlow));
  const divided = Math.min(1, Math.max(0, (i - low) / (high === low ? 0.001 : high - low)));
  return divided * (plain / factor) + (1 - divided) * plain;
}

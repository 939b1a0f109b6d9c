import type { RopeConfig } from './config.js';

/**
 * `[positions][rotaryDim]`: for each position the cosines of position · frequency, then the sines, of the rotaryDim/2 frequencies
 * theta^(−2i/rotaryDim) (RoFormer, arXiv 2104.09864, section 3.2.2), rescaled as the kind of rotation says. Frequencies and angles are
 * rounded to f32, as the references do.
 */
export function ropeTable(rope: RopeConfig, positions: number): Float32Array {
  const half = rope.rotaryDim / 2;
  const frequencies = Float32Array.from({ length: half }, (_, i) => frequency(rope, i));
  const table = new Float32Array(positions * rope.rotaryDim);
  for (let p = 0; p < positions; p++) {
    for (let i = 0; i < half; i++) {
      const angle = Math.fround(p * frequencies[i]);
      table[p * rope.rotaryDim + i] = Math.cos(angle);
      table[p * rope.rotaryDim + half + i] = Math.sin(angle);
    }
  }
  return table;
}

/** Radians per position of the pair (i, i + rotaryDim/2). */
function frequency(rope: RopeConfig, i: number): number {
  if (rope.type === 'none') return 0;
  const plain = rope.theta ** ((-2 * i) / rope.rotaryDim);
  if (rope.type !== 'llama3') return plain;
  const { factor, lowFreqFactor, highFreqFactor, originalMaxPositions } = rope;
  const turns = (originalMaxPositions * plain) / (2 * Math.PI);
  const kept = Math.min(1, Math.max(0, (turns - lowFreqFactor) / (highFreqFactor - lowFreqFactor)));
  return (1 - kept) * (plain / factor) + kept * plain;
}

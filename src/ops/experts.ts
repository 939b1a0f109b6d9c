import type { OpArgs } from './ops.js';

type Args<Name extends 'route' | 'addExperts'> = OpArgs<Float64Array, Name>;

/** `route` in f64. */
export function chooseExperts({ logits, routing, rows, normalized }: Args<'route'>): void {
  const { topK, experts, weights } = routing;
  for (let t = 0; t < rows; t++) {
    const row = logits.data.subarray(t * logits.stride, t * logits.stride + logits.cols);
    const chosen = [...row.keys()].sort((a, b) => row[b] - row[a] || a - b).slice(0, topK);
    const shares = [...row].map((logit) => Math.exp(logit - row[chosen[0]]));
    const counted = normalized ? chosen.map((expert) => shares[expert]) : shares;
    const total = counted.reduce((sum, share) => sum + share, 0);
    experts.data.set(chosen, t * experts.stride);
    const chosenWeights = chosen.map((expert) => shares[expert] / total);
    weights.data.set(chosenWeights, t * weights.stride);
  }
}

/** `addExperts` in f64. */
export function addExpertRows({ x, routing, out, rows, scale }: Args<'addExperts'>): void {
  const { topK, weights } = routing;
  for (let t = 0; t < rows; t++) {
    for (let i = 0; i < out.cols; i++) {
      let sum = 0;
      for (let j = 0; j < topK; j++) {
        sum += weights.data[t * weights.stride + j] * x.data[(t * topK + j) * x.stride + i];
      }
      out.data[t * out.stride + i] += scale * sum;
    }
  }
}

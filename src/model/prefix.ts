import type { LinearNames, ModelConfig, WeightNames } from './config.js';

type Name = string | LinearNames | null;

/** The names of the weights as a checkpoint has them: without the family's optional prefix where it lacks that. */
export function namesIn(
  tensors: ReadonlyMap<string, unknown>,
  { optionalPrefix, weights }: Pick<ModelConfig, 'optionalPrefix' | 'weights'>,
): WeightNames {
  if (optionalPrefix === '' || tensors.has(weights.embedding)) return weights;
  const bare = (name: string) => (name.startsWith(optionalPrefix) ? name.slice(optionalPrefix.length) : name);
  const entries = Object.entries(weights).map(([key, name]: [string, Name]) => [key, bareNames(name, bare)]);
  return Object.fromEntries(entries) as WeightNames;
}

function bareNames(name: Name, bare: (name: string) => string): Name {
  if (name === null) return null;
  if (typeof name === 'string') return bare(name);
  const { weight, bias, layout } = name;
  return { weight: bare(weight), bias: bias === null ? null : bare(bias), layout };
}

import type { ModelConfig, WeightNames } from './config.js';

/** The names of the weights as a checkpoint has them: without the family's optional prefix where it lacks that. */
export function namesIn(
  tensors: ReadonlyMap<string, unknown>,
  { optionalPrefix, weights }: Pick<ModelConfig, 'optionalPrefix' | 'weights'>,
): WeightNames {
  if (optionalPrefix === '' || tensors.has(weights.embedding)) return weights;
  const bare = (name: string) => (name.startsWith(optionalPrefix) ? name.slice(optionalPrefix.length) : name);
  return bareNames(weights, bare) as WeightNames;
}

/** The same, whatever names are nested in. */
function bareNames(names: unknown, bare: (name: string) => string): unknown {
  if (typeof names === 'string') return bare(names);
  if (typeof names !== 'object' || names === null) return names;
  if (Array.isArray(names)) return names.map((name: unknown) => bareNames(name, bare));
  return Object.fromEntries(Object.entries(names).map(([key, name]) => [key, bareNames(name, bare)]));
}

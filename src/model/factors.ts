import type { Fields } from '../checkpoint/fields.js';
import type { Architecture, OptionalKey } from './architectures.js';
import type { ModelConfig } from './config.js';

const POSITIVE = { min: Number.MIN_VALUE, max: 1e15 };

type Factors = Pick<
  ModelConfig,
  'attentionScale' | 'attentionSoftCap' | 'logitsSoftCap' | 'embeddingScale' | 'residualScale' | 'logitsScale'
>;

/** Reads the factors and caps of the families that have them. Throws CheckpointError for one that is not above 0. */
export function parseFactors(
  config: Fields,
  { keys, scaledEmbedding }: Architecture,
  { headDim, hiddenSize }: Pick<ModelConfig, 'headDim' | 'hiddenSize'>,
): Factors {
  const factor = (key: OptionalKey) =>
    keys.has(key) && config.has(key) ? config.number(key, POSITIVE) : null;
  const unscaled = keys.has('scale_attn_weights') && !config.boolean('scale_attn_weights', true);
  return {
    attentionScale: unscaled
      ? 1
      : (factor('attention_multiplier') ?? 1 / Math.sqrt(factor('query_pre_attn_scalar') ?? headDim)),
    attentionSoftCap: factor('attn_logit_softcapping'),
    logitsSoftCap: factor('final_logit_softcapping'),
    embeddingScale: factor('embedding_multiplier') ?? (scaledEmbedding ? Math.sqrt(hiddenSize) : 1),
    residualScale: factor('residual_multiplier') ?? 1,
    logitsScale: 1 / (factor('logits_scaling') ?? 1),
  };
}

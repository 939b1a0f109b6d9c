/** What the forward pass must know of a model, read from `config.json` and the architecture's data file. */
export interface ModelConfig {
  /** Name of the architecture's data file: `models/architectures/<architecture>.json`. */
  readonly architecture: string;
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly numKvHeads: number;
  readonly headDim: number;
  readonly maxPositionEmbeddings: number;
  readonly normEps: number;
  readonly activation: 'silu';
  readonly rope: RopeConfig;
  /** Per layer: how many positions back a token sees, itself included; null sees all. */
  readonly slidingWindows: readonly (number | null)[];
  /** RMSNorm over each head of Q and K before the rotation (Qwen3). */
  readonly qkNorm: boolean;
  readonly tieWordEmbeddings: boolean;
  readonly bosTokenId: number | null;
  /** Tokens that end a generation: config.json's and generation_config.json's together. */
  readonly eosTokenIds: readonly number[];
  readonly weights: WeightNames;
}

export type RopeConfig = PlainRope | Llama3Rope;

export interface PlainRope {
  readonly type: 'default' | 'none';
  readonly theta: number;
  /** Dimensions of a head that are rotated. */
  readonly rotaryDim: number;
}

/**
 * Llama 3.1's scaling of the frequencies f of the plain rotation. With L = originalMaxPositions and turns = L · f / 2π:
 * f where turns > highFreqFactor, f / factor where turns < lowFreqFactor, and between the two
 * (1 − s) · f / factor + s · f with s = (turns − lowFreqFactor) / (highFreqFactor − lowFreqFactor).
 */
export interface Llama3Rope {
  readonly type: 'llama3';
  readonly theta: number;
  readonly rotaryDim: number;
  readonly factor: number;
  readonly lowFreqFactor: number;
  readonly highFreqFactor: number;
  readonly originalMaxPositions: number;
}

/** Tensor names in the checkpoint; `{layer}` stands for the layer's index. A bias or norm that the family lacks is null. */
export interface WeightNames {
  readonly embedding: string;
  readonly finalNorm: string;
  readonly lmHead: string;
  readonly attentionNorm: string;
  readonly mlpNorm: string;
  readonly q: LinearNames;
  readonly k: LinearNames;
  readonly v: LinearNames;
  readonly o: LinearNames;
  readonly qNorm: string | null;
  readonly kNorm: string | null;
  readonly gate: LinearNames;
  readonly up: LinearNames;
  readonly down: LinearNames;
}

export interface LinearNames {
  readonly weight: string;
  readonly bias: string | null;
}

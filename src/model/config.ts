import type { Activation } from '../ops/ops.js';

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
  /** `rms`, or `layer` with a bias (LayerNorm). */
  readonly norm: 'rms' | 'layer';
  /** Added to the weights of all norms: 1 where the checkpoint keeps weight − 1 (Gemma). */
  readonly normOffset: 0 | 1;
  readonly activation: Activation;
  /** Null where no layer has experts. */
  readonly experts: ExpertsConfig | null;
  /** Attention and MLP both read the layer's input, and both are added to it (GPT-NeoX). */
  readonly parallelResidual: boolean;
  /** Per layer; layers that rotate alike share one object. */
  readonly ropes: readonly RopeConfig[];
  /** Per layer: how many positions back a token sees, itself included; null sees all. */
  readonly slidingWindows: readonly (number | null)[];
  /** RMSNorm of Q and K before the rotation: of each head (Qwen3), or of all heads as one vector (OLMo 2). */
  readonly qkNorm: 'none' | 'head' | 'all';
  /** Of q·k. */
  readonly attentionScale: number;
  /** Scores s of attention, and logits, become cap · tanh(s / cap); null leaves them (Gemma 2). */
  readonly attentionSoftCap: number | null;
  readonly logitsSoftCap: number | null;
  /** Factors of the embeddings, of what attention and MLP add to the residual stream, and of the logits. */
  readonly embeddingScale: number;
  readonly residualScale: number;
  readonly logitsScale: number;
  readonly tieWordEmbeddings: boolean;
  readonly bosTokenId: number | null;
  /** Tokens that end a generation: config.json's and generation_config.json's together. */
  readonly eosTokenIds: readonly number[];
  readonly weights: WeightNames;
  /** What the names of tensors begin with in some checkpoints of the family and not in others; empty where all are alike. */
  readonly optionalPrefix: string;
}

export type RopeConfig = PlainRope | Llama3Rope | LinearRope | YarnRope | LongRope;

export interface PlainRope {
  /** `none` rotates nothing: rotaryDim is 0. */
  readonly type: 'default' | 'none';
  readonly theta: number;
  /** Dimensions of a head that are rotated, the first ones; even. */
  readonly rotaryDim: number;
  /** What frequencies are spread over, theta^(−2i/spread): rotaryDim where absent, or one less where that is odd (GPT-NeoX). */
  readonly spread?: number;
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

export type Llama3Scaling = Omit<Llama3Rope, 'type' | 'theta' | 'rotaryDim'>;

/** All frequencies divided by `factor` (position interpolation, arXiv 2306.15595). */
export interface LinearRope {
  readonly type: 'linear';
  readonly theta: number;
  readonly rotaryDim: number;
  readonly factor: number;
}

/**
 * YaRN (arXiv 2309.00071, section 3.2): frequencies that turn less than betaSlow times in originalMaxPositions are divided by `factor`, those
 * that turn more than betaFast times are kept, and between the two a ramp over the pair's index, from whole indices where `truncate`.
 */
export interface YarnRope {
  readonly type: 'yarn';
  readonly theta: number;
  readonly rotaryDim: number;
  readonly factor: number;
  readonly betaFast: number;
  readonly betaSlow: number;
  readonly truncate: boolean;
  readonly originalMaxPositions: number;
  /** Of cosines and sines. */
  readonly attentionFactor: number;
}

/** LongRoPE (arXiv 2402.13753): frequency i divided by short[i], or where there are more positions than originalMaxPositions by long[i]. */
export interface LongRope {
  readonly type: 'longrope';
  readonly theta: number;
  readonly rotaryDim: number;
  readonly short: readonly number[];
  readonly long: readonly number[];
  readonly originalMaxPositions: number;
  /** Of cosines and sines. */
  readonly attentionFactor: number;
}

/** Tensor names in the checkpoint; `{layer}` stands for the layer's index. A bias or norm that the family lacks is null. */
export interface WeightNames {
  readonly embedding: string;
  readonly finalNorm: string;
  readonly lmHead: string;
  /** Of positions, where they are learned. */
  readonly positions: string | null;
  /** Before attention and MLP, and of what these two give before it is added. */
  readonly attentionNorm: string | null;
  readonly mlpNorm: string | null;
  readonly attentionPostNorm: string | null;
  readonly mlpPostNorm: string | null;
  /** Neighbours of equal name are one matrix, in rows one after another: q, k and v, or gate and up. */
  readonly q: LinearNames;
  readonly k: LinearNames;
  readonly v: LinearNames;
  readonly o: LinearNames;
  readonly qNorm: string | null;
  readonly kNorm: string | null;
  /** Null where the MLP has no gates. */
  readonly gate: LinearNames | null;
  readonly up: LinearNames;
  readonly down: LinearNames;
  /** Scores that attention weighs beside those of the context, `[heads]`. */
  readonly sinks: string | null;
  /** The same of experts, in each form that checkpoints have; none where no layer has experts. */
  readonly experts: readonly ExpertNames[];
}

/** Layers whose MLP is chosen for each token among experts (Shazeer et al., arXiv 1701.06538). */
export interface ExpertsConfig {
  readonly numExperts: number;
  /** Experts of a token. */
  readonly topK: number;
  /** Of each expert. */
  readonly intermediateSize: number;
  /** The weights of a token's experts sum to 1. */
  readonly normalized: boolean;
  /** Rows of gate and up that lie in one matrix take turns. */
  readonly interleaved: boolean;
  /** Per layer: whether it has experts. */
  readonly layers: readonly boolean[];
}

/** A name with `{expert}` is of one expert's matrix; another of a tensor of all, `[experts]` of them. Gate and up of equal name are one matrix. */
export interface ExpertNames {
  readonly router: LinearNames;
  readonly gate: LinearNames;
  readonly up: LinearNames;
  readonly down: LinearNames;
}

export interface LinearNames {
  readonly weight: string;
  readonly bias: string | null;
  /** How the matrix lies in the checkpoint. */
  readonly layout: MatrixLayout;
}

/**
 * `rows`: `[outputs][inputs]`. `transposed`: `[inputs][outputs]` (GPT-2). `headwise`: rows of q, k and v of one head, then of the next, with
 * the bias alike (GPT-NeoX).
 */
export type MatrixLayout = 'rows' | 'transposed' | 'headwise';

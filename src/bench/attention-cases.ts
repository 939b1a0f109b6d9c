import { kvHeadBytes } from '../ops/kv-layout.js';
import type { Batch, KvCache, KvType, Tensor } from '../ops/ops.js';
import { BLOCK_SIZE, CONTEXT_LEN, decodeBatch, prefillBatch } from './kernel-batches.js';
import { type CaseContext, type KernelCase, rowBytes } from './kernel-case.js';

interface AttentionTensors<B> {
  readonly q: Tensor<B>;
  readonly qkv: Tensor<B>;
  readonly out: Tensor<B>;
  readonly rope: Tensor<B>;
  readonly cache: KvCache<B>;
  readonly norm: { readonly weights: Tensor<B>; readonly eps: number } | null;
}

/**
 * `rope_cache` and `attention` on a KV cache of one type: as many sequences as tokens, each at the end of a context of CONTEXT_LEN
 * (decode), and where there are more tokens than sequences in a step, one prompt of so many (prefill).
 */
export function* attentionCases<B>(
  context: CaseContext<B>,
  type: KvType,
  tokenCounts: readonly number[],
): Generator<KernelCase> {
  const tensors = attentionTensors(context, type);
  const { maxSequences } = context.batch.capacity;
  for (const rows of tokenCounts) {
    const isDecode = rows <= maxSequences;
    const batch = isDecode
      ? decodeBatch(context.batch.capacity, rows, context.config.vocabSize)
      : prefillBatch(context.batch.capacity, rows);
    context.ops.writeBatch(context.batch, batch);
    yield ropeCase(context, tensors, rows);
    yield attentionCase(context, tensors, batch, isDecode);
  }
}

function attentionTensors<B>(
  { ops, config, maxTokens, batch }: CaseContext<B>,
  type: KvType,
): AttentionTensors<B> {
  const { numHeads, numKvHeads, headDim, ropes } = config;
  const [rope] = ropes;
  const { maxSequences, maxBlocksPerSequence } = batch.capacity;
  const numBlocks = maxSequences * maxBlocksPerSequence;
  const compute = (cols: number) => ops.tensor(maxTokens, cols, ops.computeType, 'activations');
  const ones = () => ops.constant(new Float32Array(2 * headDim).fill(1), 2, headDim);
  const positions = Math.max(CONTEXT_LEN, maxTokens);
  return {
    q: compute(numHeads * headDim),
    qkv: compute((numHeads + 2 * numKvHeads) * headDim),
    out: compute(numHeads * headDim),
    rope: ops.constant(new Float32Array(positions * rope.rotaryDim), positions, rope.rotaryDim),
    cache: ops.kvCache({ numBlocks, blockSize: BLOCK_SIZE, numKvHeads, headDim, type }),
    norm: config.qkNorm === 'head' ? { weights: ones(), eps: config.normEps } : null,
  };
}

function ropeCase<B>(
  { ops, config, batch }: CaseContext<B>,
  { q, qkv, rope, cache, norm }: AttentionTensors<B>,
  rows: number,
): KernelCase {
  const { numHeads } = config;
  const [{ rotaryDim }] = config.ropes;
  return {
    name: 'rope_cache',
    shape: `${numHeads}/${cache.numKvHeads}×${cache.headDim}`,
    tokens: rows,
    bytes: rows * (rowBytes(qkv) + rowBytes(q) + 4 * rotaryDim + 2 * cache.numKvHeads * kvHeadBytes(cache)),
    multiplyAdds: null,
    enqueue: () => ops.ropeAndCache({ batch, qkv, q, cache, rope, rotaryDim, norm, numHeads, rows }),
  };
}

function attentionCase<B>(
  { ops, config, batch: buffers }: CaseContext<B>,
  { q, out, cache }: AttentionTensors<B>,
  batch: Batch,
  isDecode: boolean,
): KernelCase {
  const { numHeads, headDim } = config;
  const rows = batch.numTokens;
  const numSeen = batch.positions.reduce((sum, position) => sum + position + 1, 0);
  const numCached = isDecode ? numSeen : rows;
  const scale = 1 / Math.sqrt(headDim);
  return {
    name: isDecode ? `attention decode at ${CONTEXT_LEN}` : 'attention prefill',
    shape: `${numHeads}/${cache.numKvHeads}×${headDim}`,
    tokens: rows,
    bytes: rows * (rowBytes(q) + rowBytes(out)) + 2 * numCached * cache.numKvHeads * kvHeadBytes(cache),
    multiplyAdds: 2 * numSeen * numHeads * headDim,
    enqueue: () => ops.attention({ batch: buffers, q, cache, out, numHeads, scale, window: null, rows }),
  };
}

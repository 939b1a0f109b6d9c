import { dequantizeRow, FLOAT_FORMATS } from '../quant/formats.js';
import type { PackedRows } from '../quant/packed-rows.js';
import type { PackedWeight } from '../quant/weight.js';
import { activated, capped, gatedBy } from './activation.js';
import { batchLayout, NONE, ROW, readSamplingRow, writeBatchWords } from './batch-layout.js';
import {
  editedRows,
  editsLength,
  grownLength,
  MIN_EDITS_WORDS,
  readEdits,
  writeEdits,
} from './edits-layout.js';
import { addExpertRows, chooseExperts } from './experts.js';
import { addGram } from './gram.js';
import { cacheIndex, inKeyBasis, storedHead } from './kv-layout.js';
import { product } from './linear.js';
import { editRow } from './logits-edits.js';
import { writeLogprobs } from './logprobs.js';
import { addLora } from './lora.js';
import { dot, normalize, normalizeCentered, normalizeWhole, softmax } from './norms.js';
import {
  type Batch,
  type BatchBuffers,
  type BatchCapacity,
  type ElementType,
  type HostArea,
  type HostWeights,
  type KvCache,
  type KvCacheShape,
  type MemoryKind,
  type OpArgs,
  type Ops,
  pendingRow,
  type Routing,
  type RoutingShape,
  rowStride,
  type StepReading,
  type Tensor,
  type Weight,
} from './ops.js';
import { RESULT } from './result-layout.js';
import { rotate } from './rotate.js';
import { sampleRow } from './sampling.js';

type Buffer = Float64Array;
type Args<Name extends keyof Ops<Buffer>> = OpArgs<Buffer, Name>;

/** The reference: every operation as its formula, in f64, one loop per index. Weights are decoded to f64 when they are uploaded. */
export class CpuOps implements Ops<Buffer> {
  readonly computeType: 'f32' | 'f16' = 'f32';
  readonly dispatchesPerStep = 0;
  readonly gemmSteps = [];
  readonly #bytes: Record<MemoryKind, number> = { weights: 0, kv_cache: 0, activations: 0 };

  tensor(rows: number, cols: number, type: ElementType, kind: MemoryKind): Tensor<Buffer> {
    const stride = rowStride(cols);
    return { data: this.#alloc(rows * stride, kind), rows, cols, stride, type };
  }

  weight(packed: readonly PackedWeight[]): Weight<Buffer> {
    const cols = packed[0]?.cols ?? 0;
    const rows = packed.reduce((sum, part) => sum + part.rows, 0);
    const codes = this.#alloc(rows * cols, 'weights');
    let at = 0;
    for (const part of packed) {
      for (let r = 0; r < part.rows; r++, at += cols) dequantizeRow(part, r, codes.subarray(at, at + cols));
    }
    const part = { format: FLOAT_FORMATS.f32, rowStart: 0, rows, cols, codes, scales: null, zeros: null };
    return { rows, cols, parts: [part] };
  }

  unload({ rows, cols }: Weight<Buffer>): void {
    this.#bytes.weights -= rows * cols * Float64Array.BYTES_PER_ELEMENT;
  }

  async loadWeight(parts: readonly PackedRows[]): Promise<Weight<Buffer>> {
    return this.weight(await Promise.all(parts.map((part) => part.read(0, part.rows))));
  }

  async inHost<T>(_: HostArea, load: () => Promise<T>): Promise<{ loaded: T; host: HostWeights<Buffer> }> {
    return { loaded: await load(), host: { bytes: 0, copies: [] } };
  }

  bring(): void {}
  replay = (_: unknown, work: () => void): void => work();

  constant(values: Float32Array | Uint32Array, rows: number, cols: number): Tensor<Buffer> {
    const type = values instanceof Uint32Array ? 'u32' : 'f32';
    return { data: Float64Array.from(values), rows, cols, stride: cols, type };
  }

  /** Holds what a cache of the type would give back, as floats in the layout of floats. */
  kvCache(shape: KvCacheShape): KvCache<Buffer> {
    const size = shape.numBlocks * shape.blockSize * shape.numKvHeads * shape.headDim;
    return { ...shape, k: this.#alloc(size, 'kv_cache'), v: this.#alloc(size, 'kv_cache') };
  }

  routing(shape: RoutingShape): Routing<Buffer> {
    const { maxTokens, topK } = shape;
    const experts = this.tensor(maxTokens, topK, 'u32', 'activations');
    const weights = this.tensor(maxTokens, topK, 'f32', 'activations');
    return { ...shape, experts, weights, order: new Float64Array(0) };
  }

  expertSteps(): readonly number[] {
    return [];
  }

  batch(capacity: BatchCapacity): BatchBuffers<Buffer> {
    const words = new Uint32Array(batchLayout(capacity).words);
    const edits = { words: new Uint32Array(MIN_EDITS_WORDS), data: new Float64Array(0) };
    return { capacity, words, data: new Float64Array(0), edits };
  }

  write(target: Tensor<Buffer>, values: Float32Array): void {
    for (let at = 0, r = 0; at < values.length; at += target.cols, r++) {
      target.data.set(values.subarray(at, at + target.cols), r * target.stride);
    }
  }

  writeBatch(target: BatchBuffers<Buffer>, batch: Batch): void {
    writeBatchWords(batchLayout(target.capacity), batch, target.words);
    const edited = editedRows(batch.sampling);
    const { words, data } = target.edits;
    const room = grownLength(words.length, editsLength(edited));
    if (room > words.length) target.edits = { words: new Uint32Array(room), data };
    writeEdits(edited, target.edits.words);
  }

  embed({ batch, previous, table, out, rows, scale = 1, positions = null }: Args<'embed'>): void {
    const layout = batchLayout(batch.capacity);
    for (let t = 0; t < rows; t++) {
      const row = weightRow(table, knownToken(batch.words[layout.tokenIds + t], previous));
      const place = positions === null ? null : weightRow(positions, batch.words[layout.positions + t]);
      const values = row.map((value, i) => scale * value + (place?.[i] ?? 0));
      out.data.set(values, t * out.stride);
    }
  }

  rmsNorm({ x, weight, out, rows, eps, scale = null }: Args<'rmsNorm'>): void {
    for (let t = 0; t < rows; t++) {
      const row = x.data.subarray(t * x.stride, t * x.stride + x.cols);
      const to = out.data.subarray(t * out.stride);
      const held = to.slice(0, x.cols);
      normalize(row, weight.data, eps, to);
      if (scale !== null) for (let i = 0; i < x.cols; i++) to[i] = held[i] + scale * to[i];
    }
  }

  layerNorm({ x, weight, bias, out, rows, eps }: Args<'layerNorm'>): void {
    for (let t = 0; t < rows; t++) {
      const row = x.data.subarray(t * x.stride, t * x.stride + x.cols);
      normalizeCentered(row, weight.data, bias.data, eps, out.data.subarray(t * out.stride));
    }
  }

  linear(args: Args<'linear'>): void {
    const { x, out, rows, norm, gated, activation = 'silu', experts } = args;
    if (norm) {
      if (norm.bias) this.layerNorm({ x, rows, ...norm, bias: norm.bias });
      else this.rmsNorm({ x, rows, ...norm });
      this.linear({ ...args, x: norm.out, norm: null });
    } else if (gated) {
      this.linear({ ...args, out: gated, gated: null });
      this.activate({ x: gated, out, rows: rows * (experts?.routing.topK ?? 1), activation });
    } else {
      product(args);
    }
  }

  route(args: Args<'route'>): void {
    chooseExperts(args);
  }

  addExperts(args: Args<'addExperts'>): void {
    addExpertRows(args);
  }

  ropeAndCache(args: Args<'ropeAndCache'>): void {
    const { batch, qkv, q, cache, rope, rotaryDim, norm, numHeads, rows } = args;
    const { positions, slotMapping } = batchLayout(batch.capacity);
    const dim = cache.headDim;
    for (let t = 0; t < rows; t++) {
      const angles = rope.data.subarray(batch.words[positions + t] * rope.stride);
      if (norm !== null && norm.weights.rows !== 2) normalizeWhole(qkv, t, norm, numHeads * dim);
      for (let h = 0; h < numHeads + 2 * cache.numKvHeads; h++) {
        const head = qkv.data.slice(t * qkv.stride + h * dim, t * qkv.stride + (h + 1) * dim);
        const kvHead = (h - numHeads) % cache.numKvHeads;
        const isQ = h < numHeads;
        const isV = h >= numHeads + cache.numKvHeads;
        if (norm?.weights.rows === 2 && !isV)
          normalize(head, norm.weights.data.subarray(isQ ? 0 : dim), norm.eps, head);
        if (!isV) {
          rotate(head, angles, rotaryDim);
          head.set(inKeyBasis(head, cache.type));
        }
        if (isQ) q.data.set(head, t * q.stride + h * dim);
        else {
          const at = cacheIndex(cache, batch.words[slotMapping + t], kvHead);
          (isV ? cache.v : cache.k).set(storedHead(head, cache.type), at);
        }
      }
    }
  }

  attention(args: Args<'attention'>): void {
    if (args.projected) this.ropeAndCache({ ...args, ...args.projected });
    const { batch, q, cache, out, numHeads, scale, window, softCap = null, sinks = null, rows } = args;
    const { positions, sequenceIds, blockTables } = batchLayout(batch.capacity);
    const { headDim: dim, blockSize } = cache;
    for (let t = 0; t < rows; t++) {
      const end = batch.words[positions + t] + 1;
      const start = window === null ? 0 : Math.max(0, end - window);
      const table = blockTables + batch.words[sequenceIds + t] * batch.capacity.maxBlocksPerSequence;
      const slotOf = (p: number) =>
        batch.words[table + Math.floor(p / blockSize)] * blockSize + (p % blockSize);
      for (let h = 0; h < numHeads; h++) {
        const kvHead = Math.floor((h * cache.numKvHeads) / numHeads);
        const query = q.data.subarray(t * q.stride + h * dim, t * q.stride + (h + 1) * dim);
        const places = Array.from({ length: end - start }, (_, i) =>
          cacheIndex(cache, slotOf(start + i), kvHead),
        );
        const scores = places.map((at) =>
          capped(scale * dot(query, cache.k.subarray(at, at + dim)), softCap),
        );
        // A sink's weight comes last, and no place is multiplied by it.
        const weights = softmax(sinks === null ? scores : [...scores, sinks.data[h]]);
        for (let d = 0; d < dim; d++) {
          out.data[t * out.stride + h * dim + d] = places.reduce(
            (sum, at, i) => sum + weights[i] * cache.v[at + d],
            0,
          );
        }
      }
    }
  }

  activate({ x, out, rows, activation }: Args<'activate'>): void {
    for (let t = 0; t < rows; t++) {
      for (let i = 0; i < out.cols; i++) {
        const value = x.data[t * x.stride + i];
        const up = x.data[t * x.stride + out.cols + i];
        out.data[t * out.stride + i] =
          x.cols === out.cols ? activated(activation, value) : gatedBy(activation, value, up);
      }
    }
  }

  softCap({ x, rows, cap }: Args<'softCap'>): void {
    for (let t = 0; t < rows; t++) {
      const row = x.data.subarray(t * x.stride, t * x.stride + x.cols);
      row.set(row.map((value) => capped(value, cap)));
    }
  }

  addLora(args: Args<'addLora'>): void {
    addLora(args);
  }

  gram(args: Args<'gram'>): void {
    addGram(args);
  }

  gatherRows({ batch, x, out, rows }: Args<'gatherRows'>): void {
    const { logitsRows } = batchLayout(batch.capacity);
    for (let i = 0; i < rows; i++) {
      const from = batch.words[logitsRows + i] * x.stride;
      out.data.set(x.data.subarray(from, from + x.cols), i * out.stride);
    }
  }

  editLogits({ batch, previous, logits, rows }: Args<'editLogits'>): void {
    const { maxLogits } = batchLayout(batch.capacity);
    for (let i = 0; i < rows; i++) {
      const { row, edits } = readEdits(batch.edits.words, i, logits.cols);
      const pending = edits.pending === null ? null : knownToken(edits.pending, previous);
      const edited = editRow(logitsOf(logits, row), edits, pending);
      logits.data.set(edited, (maxLogits + row) * logits.stride);
    }
  }

  sample({ batch, logits, out, rows }: Args<'sample'>): void {
    const layout = batchLayout(batch.capacity);
    for (let i = 0; i < rows; i++) {
      const at = layout.rows + i * ROW.words;
      const row = logitsOf(logits, batch.words[at + ROW.logits]);
      out.data[i * out.stride + RESULT.tokenId] = sampleRow(row, readSamplingRow(batch.words, at));
    }
  }

  logprobs({ batch, logits, out, rows }: Args<'logprobs'>): void {
    const layout = batchLayout(batch.capacity);
    for (let i = 0; i < rows; i++) {
      const at = layout.rows + i * ROW.words;
      const [numTop, target] = [batch.words[at + ROW.numLogprobs], batch.words[at + ROW.target]];
      if (numTop === NONE) continue;
      const result = out.data.subarray(i * out.stride, (i + 1) * out.stride);
      writeLogprobs(logitsOf(logits, i), target === NONE ? result[RESULT.tokenId] : target, numTop, result);
    }
  }

  prepare(): Promise<readonly string[]> {
    return Promise.resolve([]);
  }

  submit(): void {}

  read(tensor: Tensor<Buffer>, rows: number): Promise<Float32Array<ArrayBuffer>> {
    return Promise.resolve(Float32Array.from(unpadded(tensor, rows)));
  }

  readWords(tensor: Tensor<Buffer>, rows: number): Promise<StepReading> {
    return Promise.resolve({ words: Uint32Array.from(unpadded(tensor, rows)), gpuMs: null });
  }

  memory(): Readonly<Record<MemoryKind, number>> {
    return { ...this.#bytes };
  }

  destroy(): void {}

  #alloc(length: number, kind: MemoryKind): Buffer {
    this.#bytes[kind] += length * Float64Array.BYTES_PER_ELEMENT;
    return new Float64Array(length);
  }
}

function weightRow({ cols, parts }: Weight<Buffer>, row: number): Buffer {
  return parts[0].codes.subarray(row * cols, (row + 1) * cols);
}

/** The token itself where `tokenId` names a row of the step before. */
function knownToken(tokenId: number, previous: Tensor<Buffer>): number {
  const row = pendingRow(tokenId);
  return row === null ? tokenId : previous.data[row * previous.stride + RESULT.tokenId];
}

function logitsOf(logits: Tensor<Buffer>, row: number): Buffer {
  return logits.data.subarray(row * logits.stride, row * logits.stride + logits.cols);
}

function unpadded(tensor: Tensor<Buffer>, rows: number): Buffer {
  const out = new Float64Array(rows * tensor.cols);
  for (let r = 0; r < rows; r++) {
    out.set(tensor.data.subarray(r * tensor.stride, r * tensor.stride + tensor.cols), r * tensor.cols);
  }
  return out;
}

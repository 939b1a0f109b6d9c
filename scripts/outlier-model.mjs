#!/usr/bin/env node
// Writes the same model with a few large channels in the inputs of q, k, v, gate and up, as large language models have them and small ones do not:
// node scripts/outlier-model.mjs MODEL OUT [CHANNELS] [FACTOR]
// CHANNELS (4) elements of each norm's weight are multiplied by FACTOR (32, a power of two), and the columns that meet them divided by it. Both are
// exact in BF16 and F32, so the model computes the very same numbers; only its quantization differs.
import { cp, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { foldedSource } from '../dist/calibrate/folded-source.js';
import { foldsOf } from '../dist/calibrate/folds.js';
import { openModelCheckpoint } from '../dist/checkpoint/quantized/quantized.js';
import { writeSafetensors } from '../dist/checkpoint/safetensors-write.js';
import { parseModelConfig } from '../dist/model/config-parse.js';
import { namesIn } from '../dist/model/prefix.js';
import { f32ToBf16 } from '../dist/quant/half.js';

const [model, out, channels = '4', factor = '32'] = process.argv.slice(2);
if (model === undefined || out === undefined) throw new Error('give a model’s folder and one to write to');
if (resolve(model) === resolve(out)) throw new Error('OUT is MODEL');
if (!Number.isInteger(Math.log2(Number(factor)))) throw new Error('FACTOR is no power of two');

const checkpoint = await openModelCheckpoint(model);
const config = await parseModelConfig(model);
const weights = namesIn(checkpoint.tensors, config);
const folds = foldsOf({ ...config, weights })
  .filter(({ producer }) => producer.kind === 'norm')
  .map((fold, i) => ({ ...fold, scales: scalesOf(fold.cols, i) }));
const source = foldedSource(checkpoint, folds, config.normOffset);

/** Inputs are divided by these: channels spread evenly, others in each product. */
function scalesOf(cols, index) {
  const scales = new Float64Array(cols).fill(1);
  for (let i = 0; i < Number(channels); i++) {
    scales[(Math.floor((i * cols) / Number(channels)) + 7 * index + 3) % cols] = 1 / Number(factor);
  }
  return scales;
}

const tensors = [];
for (const [name, { shape, dtype }] of checkpoint.tensors)
  tensors.push({ name, shape, dtype, data: await dataOf(name, dtype) });
await cp(model, out, { recursive: true, filter: (path) => !/\.safetensors(\.index\.json)?$/.test(path) });
await rm(join(out, 'model.safetensors'), { force: true });
await writeSafetensors(join(out, 'model.safetensors'), tensors, { format: 'pt' });
await checkpoint.close();

async function dataOf(name, dtype) {
  const { info, data } = await source.read(name);
  if (info.dtype === dtype) return data;
  if (dtype !== 'BF16')
    throw new Error(`${name}: ${dtype}, of which the products may not be exact; only BF16 and F32`);
  const halves = new Uint16Array(data.byteLength / 2 / 2);
  f32ToBf16(new Float32Array(data.buffer, data.byteOffset, halves.length), halves);
  return halves;
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { script } from './modules.js';

interface Shape {
  readonly hidden: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly intermediate: number;
  readonly vocab: number;
}

const { writeRandomGguf } = await script<{
  writeRandomGguf(path: string, shape: Shape, type: string): Promise<void>;
}>('peers/gguf.mjs');
const { matMulNBitsModel } = await script<{
  matMulNBitsModel(weight: {
    K: number;
    N: number;
    accuracyLevel: number;
    codes: Uint8Array;
    scales: Float32Array;
  }): Buffer;
}>('peers/onnx-model.mjs');

const SHAPE = { hidden: 64, layers: 2, heads: 2, kvHeads: 1, headDim: 32, intermediate: 96, vocab: 128 };

for (const [type, blockBytes] of [
  ['q4_0', 18],
  ['q8_0', 34],
] as const) {
  t.test(`a random GGUF in ${type} holds the header and every tensor of the shape`, async (t) => {
    const path = join(t.testdir(), 'random.gguf');
    await writeRandomGguf(path, SHAPE, type);
    const file = readFileSync(path);
    t.equal(file.toString('latin1', 0, 4), 'GGUF');
    t.equal(file.readUInt32LE(4), 3, 'version');
    t.equal(file.readBigUInt64LE(8), BigInt(2 + 9 * 2), 'tensors');
    // Per layer q, k, v, o, gate, up, down; then norms in f32 and the embedding in q8_0.
    const weights = 2 * (64 * 64 + 2 * 32 * 64 + 64 * 64 + 3 * 96 * 64);
    const tensors = (weights / 32) * blockBytes + 5 * 64 * 4 + ((128 * 64) / 32) * 34;
    const headerBytes = file.length - tensors;
    t.ok(headerBytes > 0 && headerBytes < 4096 && headerBytes % 32 === 0, `${headerBytes} bytes of header`);
  });
}

t.test('an ONNX file of one product holds its name, its attributes and its weight', async (t) => {
  const [K, N] = [64, 8];
  const codes = new Uint8Array((K * N) / 2).fill(0x5a);
  const scales = new Float32Array((K * N) / 32).fill(0.5);
  const file = matMulNBitsModel({ K, N, accuracyLevel: 4, codes, scales });
  t.same([...file.subarray(0, 2)], [8, 8], 'the version of the format');
  for (const name of ['MatMulNBits', 'com.microsoft', 'accuracy_level', 'block_size'])
    t.ok(file.includes(name), name);
  t.ok(file.includes(Buffer.from(codes)));
  t.ok(file.includes(Buffer.from(scales.buffer)));
});

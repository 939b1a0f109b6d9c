// One side of the comparison: ONNX Runtime's WebGPU provider. Run by bench-peers.mjs in the folder where onnxruntime-node is installed.
// Arguments: that folder, accuracy level (0: f32 activations, 4: INT8).
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { matMulNBitsModel } from './onnx-model.mjs';
import { K, N, randomActivations, randomWeight, rateOf, report, TOKENS } from './products.mjs';

const [folder, accuracyLevel] = process.argv.slice(2);
const ort = createRequire(join(folder, 'package.json'))('onnxruntime-node');
const model = matMulNBitsModel({ K, N, accuracyLevel: Number(accuracyLevel), ...randomWeight() });
const session = await ort.InferenceSession.create(model, { executionProviders: ['webgpu'] });
const results = [];
for (const tokens of TOKENS) {
  const x = new ort.Tensor('float32', randomActivations(tokens), [tokens, K]);
  const rate = await rateOf(tokens, () => session.run({ x }));
  const { y } = await session.run({ x });
  results.push({ tokens, rate, head: [...y.data.slice(0, 8)] });
}
report(results);
process.exit(0);

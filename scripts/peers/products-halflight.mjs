// The other side: halflight's `linear`. Its times hold the upload of x and the readback of y too, as those of the peer do.
import { readSoftwareVulkan, softwareVectors } from '../../dist/commands/software-vectors.js';
import { webgpuBackend } from '../../dist/engine/backend.js';
import { parseQuantization } from '../../dist/quant/formats.js';
import { K, N, randomActivations, randomWeight, rateOf, report, TOKENS } from './products.mjs';

// As the command line does.
Object.assign(process.env, softwareVectors(readSoftwareVulkan(process.env), process.env));
const { ops } = await webgpuBackend({ computeType: 'float32', batchInvariant: false });
const { codes, scales } = randomWeight();
const format = { ...parseQuantization('int4'), scaleType: 'f32' };
const packed = {
  format,
  rows: N,
  cols: K,
  codes: new Uint32Array(codes.buffer),
  scales: new Uint32Array(scales.buffer),
  zeros: null,
};
const weight = ops.weight([packed]);
const results = [];
for (const tokens of TOKENS) {
  const x = ops.tensor(tokens, K, 'f32', 'activations');
  const out = ops.tensor(tokens, N, 'f32', 'activations');
  const values = randomActivations(tokens);
  const linear = () => ops.linear({ x, weight, bias: null, out, rows: tokens, accumulate: false });
  await ops.prepare(linear);
  const product = () => {
    ops.write(x, values);
    linear();
    return ops.read(out, tokens);
  };
  results.push({ tokens, rate: await rateOf(tokens, product), head: [...(await product()).slice(0, 8)] });
}
report(results);
process.exit(0);
